import { Buffer } from "node:buffer";
// kafkajs's own writer of batches, which its index does not export.
// deno-lint-ignore no-import-prefix
import encodeRecord from "npm:kafkajs@2.2.4/src/protocol/recordBatch/record/v0/index.js";
// deno-lint-ignore no-import-prefix
import recordBatch from "npm:kafkajs@2.2.4/src/protocol/recordBatch/v0/index.js";
import { crc32c } from "../../src/kafka/batches/crc32c.ts";

// deno-lint-ignore no-explicit-any
type Loose = any;

export interface BatchOptions {
  records: object[];
  firstOffset?: number;
  firstTimestamp?: string;
  compression?: number;
  attributes?: number;
  lastSize?: number;
}

/** A record batch as kafkajs writes it, with these bits of its attributes set too. */
export async function batch({ attributes = 0, ...options }: BatchOptions): Promise<Buffer> {
  const records = options.records.map((record, offsetDelta) =>
    (encodeRecord as Loose)({ offsetDelta, ...record })
  );
  const { buffer } = await (recordBatch as Loose).RecordBatch({
    firstTimestamp: "1732431234567",
    maxTimestamp: "1732431239999",
    producerId: "77",
    lastOffsetDelta: Math.max(records.length - 1, 0),
    ...options,
    records,
  });
  const bytes = Buffer.from(buffer);
  bytes[22]! |= attributes;
  return withChecksum(bytes);
}

/** The batch with the checksum that its bytes have now. */
export function withChecksum(bytes: Buffer): Buffer {
  bytes.writeUInt32BE(crc32c(bytes, 21), 17);
  return bytes;
}
