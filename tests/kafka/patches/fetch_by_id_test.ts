import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
// deno-lint-ignore no-import-prefix
import fetch from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/index.js";
import { useCodecs } from "../../../src/kafka/codecs/mod.ts";
import { fetchById, patchFetch } from "../../../src/kafka/patches/fetch.ts";
import type { FetchParams } from "../../../src/kafka/patches/fetch_params.ts";
import { type Encoder, newEncoder, writeUuid } from "../../../src/kafka/patches/flexible.ts";
import { batch } from "../../support/batches.ts";

useCodecs();
patchFetch();

const ID = "24d887f7-7615-4ecd-ab3d-f6f90e6dd6e9";
const BY_ID = 13;

// deno-lint-ignore no-explicit-any
type Loose = any;
const bytesOf = (encoder: Encoder): Buffer => Buffer.from((encoder as Loose).buffer);

function params(fetchOffset: number, topic = "t"): FetchParams {
  const partitions = [{ partition: 2, fetchOffset: String(fetchOffset), maxBytes: 32_768 }];
  return { maxWaitTime: 200, minBytes: 1, maxBytes: 524_288, topics: [{ topic, partitions }] };
}

/** The request and the response of one fetch, as kafkajs asks for them. */
function exchange(version: number, fetchOffset: number) {
  return (fetch as Loose).protocol({ version })(params(fetchOffset));
}

interface Answer {
  errorCode?: number;
  records?: Buffer;
  /** The tagged field that tells where the log of the leader diverges. */
  diverging?: boolean;
}

/** A response of version 13 about partition 2. */
function answer({ errorCode = 0, records, diverging = false }: Answer): Buffer {
  const partition = newEncoder().writeInt32(2);
  (partition as Loose).writeInt16(errorCode);
  partition.writeInt64(99).writeInt64(99).writeInt64(0)
    .writeUVarIntArray([newEncoder().writeInt64(77).writeInt64(5).writeUVarInt(0)]).writeInt32(-1);
  partition.writeUVarInt(records ? records.length + 1 : 0);
  if (records) partition.writeBufferInternal(records);
  if (diverging) {
    const point = bytesOf(newEncoder().writeInt32(7).writeInt64(40).writeUVarInt(0));
    partition.writeUVarInt(1).writeUVarInt(0).writeUVarInt(point.length);
    partition.writeBufferInternal(point);
  } else partition.writeUVarInt(0);
  const topic = writeUuid(newEncoder(), ID).writeUVarIntArray([partition]).writeUVarInt(0);
  const head = newEncoder().writeUVarInt(0).writeInt32(0);
  (head as Loose).writeInt16(0);
  return bytesOf(head.writeInt32(0).writeUVarIntArray([topic]).writeUVarInt(0));
}

async function decoded(bytes: Buffer, fetchOffset = 0) {
  const { topicName, partitions } =
    ((await exchange(BY_ID, fetchOffset).response.decode(bytes)) as Loose).responses[0];
  return { topicName, ...partitions[0] };
}

/** The leader epoch of the last record, in the request for this offset. */
async function lastEpoch(fetchOffset: number): Promise<number> {
  const bytes = bytesOf(await exchange(BY_ID, fetchOffset).request.encode());
  // Header tags, six fields, the number of topics, the id, the number of partitions, then three fields of the partition.
  return bytes.readInt32BE(1 + 16 + 1 + 8 + 1 + 16 + 1 + 4 + 4 + 8);
}

Deno.test("a topic with an id is fetched by that id, if the broker can", async () => {
  fetchById("t", ID);
  const { request } = exchange(BY_ID, 5);
  assertEquals([request.apiKey, request.apiVersion], [1, 13]);
  const bytes = bytesOf(await request.encode());
  assertEquals(bytes.includes(Buffer.from(ID.replaceAll("-", ""), "hex")), true);
  assertEquals(exchange(12, 5).request.apiVersion, 11);
  assertEquals(exchange(4, 5).request.apiVersion, 4);
  fetchById("t", null);
  assertEquals(exchange(BY_ID, 5).request.apiVersion, 11);
});

Deno.test("records fetched by id are those that the broker sent, from the offset asked for", async () => {
  fetchById("t", ID);
  const records = await batch({ records: [{ value: "a" }, { value: "b" }], firstOffset: 5 });
  const { topicName, partition, highWatermark, abortedTransactions, messages } = await decoded(
    answer({ records }),
    6,
  );
  assertEquals([topicName, partition, highWatermark], ["t", 2, "99"]);
  assertEquals(abortedTransactions, [{ producerId: "77", firstOffset: "5" }]);
  assertEquals(messages.map(({ offset, value }: Loose) => [offset, `${value}`]), [["6", "b"]]);
});

Deno.test("the errors that only ids have become those that kafkajs knows", async () => {
  fetchById("t", ID);
  const UNKNOWN_TOPIC_OR_PARTITION = 3;
  for (const errorCode of [100, 103]) {
    assertEquals((await decoded(answer({ errorCode }))).errorCode, UNKNOWN_TOPIC_OR_PARTITION);
  }
  assertEquals((await decoded(answer({ errorCode: 6 }))).errorCode, 6);
});

Deno.test("a log that was cut off below the position is out of range, whatever it holds by now", async () => {
  fetchById("t", ID);
  const OFFSET_OUT_OF_RANGE = 1;
  assertEquals((await decoded(answer({ diverging: true }))).errorCode, OFFSET_OUT_OF_RANGE);
});

Deno.test("a request names the leader epoch of the last record, only where it follows that record", async () => {
  fetchById("t", ID);
  assertEquals(await lastEpoch(7), -1);
  const records = await batch({ records: [{ value: "a" }, { value: "b" }], firstOffset: 5 });
  records.writeInt32BE(12, 12);
  await decoded(answer({ records }), 5);
  assertEquals(await lastEpoch(7), 12);
  assertEquals(await lastEpoch(6), -1);
});
