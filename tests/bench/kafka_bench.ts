import { Buffer } from "node:buffer";
// kafkajs's own writer and reader, which its index does not export.
// deno-lint-ignore no-import-prefix
import Encoder from "npm:kafkajs@2.2.4/src/protocol/encoder.js";
// deno-lint-ignore no-import-prefix
import encodeRecord from "npm:kafkajs@2.2.4/src/protocol/recordBatch/record/v0/index.js";
// deno-lint-ignore no-import-prefix
import recordBatch from "npm:kafkajs@2.2.4/src/protocol/recordBatch/v0/index.js";
// deno-lint-ignore no-import-prefix
import fetchResponse from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/v11/response.js";
import { decodeByName } from "../../src/kafka/patches/fetch.ts";
import { encodeRecords } from "../../src/kafka/patches/encode_records.ts";

// Each iteration does one batch: divide by RECORDS for the cost per record.
const RECORDS = 1000;

const value = '{"userID":7,"timestamp":1732431234.567,"coordinates":[60.1699123,24.9384567]}';
const records = Array.from({ length: RECORDS }, () => ({ key: "7", value }));

// deno-lint-ignore no-explicit-any
type Loose = any;
const theirs = (record: object, offsetDelta: number) =>
  (encodeRecord as Loose)({ ...record, offsetDelta, timestampDelta: 0 });

Deno.bench("encodeRecords()", { group: "encode a batch", baseline: true }, () => {
  encodeRecords(records);
});

Deno.bench("kafkajs", { group: "encode a batch" }, () => {
  new (Encoder as Loose)().writeEncoderArray(records.map(theirs));
});

const writer = (): Loose => new (Encoder as Loose)();
const set = (await (recordBatch as Loose).RecordBatch({
  records: records.map(theirs),
  lastOffsetDelta: RECORDS - 1,
})).buffer;
const partition = writer().writeInt32(0).writeInt16(0).writeInt64(RECORDS).writeInt64(RECORDS)
  .writeInt64(0).writeArray([]).writeInt32(-1).writeInt32(set.length).writeBuffer(set);
const response = Buffer.from(
  writer().writeInt32(0).writeInt16(0).writeInt32(0)
    .writeArray([writer().writeString("t").writeArray([partition])]).buffer,
);
const read = async (decode: (bytes: Buffer) => Promise<object>) => {
  const decoded = await decode(response) as Loose;
  let bytes = 0;
  for (const { value } of decoded.responses[0].partitions[0].messages) bytes += value.length;
  if (bytes !== RECORDS * value.length) throw new Error("records lost");
};

const params = {
  maxWaitTime: 0,
  minBytes: 0,
  maxBytes: 0,
  topics: [{ topic: "t", partitions: [{ partition: 0, fetchOffset: "0", maxBytes: 0 }] }],
};
Deno.bench(
  "decodeByName()",
  { group: "decode a batch", baseline: true },
  () => read((bytes) => decodeByName(bytes, params)),
);

const kafkajs = (fetchResponse as { decode(bytes: Buffer): Promise<object> }).decode;
Deno.bench("kafkajs", { group: "decode a batch" }, () => read(kafkajs));
