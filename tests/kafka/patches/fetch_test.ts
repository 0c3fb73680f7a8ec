import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
// kafkajs's own encoder and reader of fetch responses, which its index does not export.
// deno-lint-ignore no-import-prefix
import Encoder from "npm:kafkajs@2.2.4/src/protocol/encoder.js";
// deno-lint-ignore no-import-prefix
import fetchResponse from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/v11/response.js";
import { useCodecs } from "../../../src/kafka/codecs/mod.ts";
import { decodeByName } from "../../../src/kafka/patches/fetch.ts";
import { type FetchParams, sharedOut } from "../../../src/kafka/patches/fetch_params.ts";
import { keepHeaderList } from "../../../src/kafka/patches/header_list.ts";
import type { Message } from "../../../src/record/validate.ts";
import { drawFrom, pick } from "../../fakes/random.ts";
import { batch } from "../../support/batches.ts";

useCodecs();
keepHeaderList();
const theirs = (fetchResponse as { decode(bytes: Buffer): Promise<object> }).decode;
const decode = (bytes: Buffer) => decodeByName(bytes, everything);

/** Three partitions of one topic and another topic, from the first offset. */
const everything: FetchParams = {
  maxWaitTime: 0,
  minBytes: 0,
  maxBytes: 0,
  topics: [{
    topic: "t",
    partitions: [0, 1, 2].map((partition) => ({ partition, fetchOffset: "0", maxBytes: 0 })),
  }],
};

// deno-lint-ignore no-explicit-any
type Loose = any;
const writer = (): Loose => new (Encoder as Loose)();

interface Decoded {
  responses: { partitions: { messages: Record<string, Loose>[] }[] }[];
}

const FIELDS = ["offset", "timestamp", "headers", "isControlRecord"];
/** What of a record is looked at. */
function shown(decoded: object): object {
  const { responses, ...rest } = decoded as Decoded;
  const bytes = (of: Uint8Array | null) => of && Buffer.from(of).toString("hex");
  return {
    ...rest,
    responses: responses.map(({ partitions, ...topic }) => ({
      ...topic,
      partitions: partitions.map(({ messages, ...partition }) => ({
        ...partition,
        messages: messages.map((record) => ({
          ...Object.fromEntries(FIELDS.map((name) => [name, record[name]])),
          headers: record.headers.map(
            ({ key, value }: { key: string; value: Uint8Array | null }) => {
              return [key, bytes(value)];
            },
          ),
          key: bytes(record.key),
          value: bytes(record.value),
          producerId: record.batchContext.producerId,
          inTransaction: record.batchContext.inTransaction,
        })),
      })),
    })),
  };
}

/** An answer about two topics: the record sets given, and one partition without any. */
function response(sets: Buffer[]): Buffer {
  const partition = (id: number, set: Buffer | null) => {
    const head = writer().writeInt32(id).writeInt16(0).writeInt64("9007199254740000").writeInt64(99)
      .writeInt64(3).writeArray([writer().writeInt64(77).writeInt64("5000000000")]).writeInt32(-1);
    return set ? head.writeInt32(set.length).writeBuffer(set) : head.writeInt32(0);
  };
  const topic = (name: string, partitions: Loose[]) =>
    writer().writeString(name).writeArray(partitions);
  const { buffer } = writer().writeInt32(5).writeInt16(0).writeInt32(0).writeArray([
    topic("t", sets.map((set, id) => partition(id, set))),
    topic("é", [partition(7, null)]),
  ]);
  return Buffer.from(buffer);
}

async function assertSame(sets: Buffer[]): Promise<Decoded> {
  const bytes = response(sets);
  const decoded = await decode(bytes);
  assertEquals(shown(decoded), shown(await theirs(bytes)));
  return decoded as Decoded;
}

Deno.test("decodeByName() reads what kafkajs reads, whatever records hold", async () => {
  const draw = drawFrom(1);
  const fields = [null, "", "7", "x".repeat(63), "y".repeat(300), "é€🙂", Buffer.of(0, 255)];
  const headers = [{}, {}, { a: "b" }, { "é": Buffer.of(255), "": "" }, { a: ["1", "2"] }];
  const deltas = [0, 0, 1, -1, 63, 64, 2 ** 31, -(2 ** 40), 2 ** 52, "-9000000000000000000"];
  for (let round = 0; round < 20; round++) {
    const records = Array.from({ length: 1 + draw(80) }, () => ({
      key: pick(draw, fields),
      value: pick(draw, fields),
      headers: pick(draw, headers),
      timestampDelta: pick(draw, deltas),
    }));
    const sets = await Promise.all([0, 1, 2].map(async () =>
      Buffer.concat([
        await batch({
          records,
          compression: draw(2),
          firstOffset: pick(draw, [0, 7, 2 ** 31 - 5, 2 ** 40]),
          firstTimestamp: pick(draw, ["0", "-1", "1732431234567", "9000000000000000000"]),
          attributes: pick(draw, [0, 0, 0x8, 0x10, 0x30]),
        }),
        await batch({ records: records.slice(draw(3)), firstOffset: 2 ** 41 }),
      ])
    ));
    await assertSame(sets);
  }
});

Deno.test("decodeByName() takes a batch that was cut off for the next fetch's", async () => {
  const whole = await batch({ records: [{ value: "1" }, { value: "2" }] });
  for (let size = 17; size < whole.length; size++) {
    const decoded = await assertSame([Buffer.concat([whole, whole.subarray(0, size)])]);
    assertEquals(decoded.responses[0]!.partitions[0]!.messages.length, 2);
  }
});

Deno.test("decodeByName() puts a marker where a batch without records ends, and nothing into an empty partition", async () => {
  const bytes = response([await batch({ records: [] }), Buffer.alloc(0)]);
  const { responses } = await decode(bytes) as Decoded;
  const [emptied, empty] = responses[0]!.partitions.map(({ messages }) => messages);
  assertEquals(emptied!.map(({ offset, isControlRecord }) => [offset, isControlRecord]), [[
    "0",
    true,
  ]]);
  assertEquals(empty!.length, 0);
});

Deno.test("decodeByName() has kafkajs read the format of before Kafka 0.11", async () => {
  const message = writer().writeInt8(1).writeInt8(0).writeInt64("1732431234567").writeBytes("k")
    .writeBytes("v").buffer;
  const set = writer().writeInt64(12).writeInt32(message.length + 4).writeInt32(crc32(message) | 0)
    .writeBuffer(message).buffer;
  const decoded = await decode(response([Buffer.from(set)])) as Decoded;
  const [{ offset, value }] = decoded.responses[0]!.partitions[0]!.messages as [Message];
  assertEquals([offset, `${value}`], ["12", "v"]);
});

Deno.test("decodeByName() gives records with a filter that asks for the first only", async () => {
  const whole = await batch({ records: Array(100).fill({ value: "1" }), firstOffset: 1_000 });
  const decoded = await decode(response([whole])) as Decoded;
  const { messages } = decoded.responses[0]!.partitions[0]!;
  let asked = 0;
  const from = (offset: number) =>
    messages.filter((one) => ++asked && Number(one.offset) >= offset);
  assertEquals([from(1_000).length, asked], [100, 1]);
  assertEquals(from(1_040).map(({ offset }) => offset)[0], "1040");
  assertEquals(from(2_000), []);
  assert(messages.every(({ size, value }) => size >= value.length));
});

Deno.test("few partitions share the bytes of a whole fetch, many keep their own", () => {
  const of = (count: number) => {
    const partitions = Array.from({ length: count }, (_, partition) => ({
      partition,
      fetchOffset: "5",
      maxBytes: 100,
    }));
    const params = { maxWaitTime: 1, minBytes: 1, maxBytes: 1_000 };
    return sharedOut({ ...params, topics: [{ topic: "t", partitions }] }).topics[0]!.partitions
      .map(({ maxBytes }) => maxBytes);
  };
  assertEquals([of(1), of(3)], [[1_000], [333, 333, 333]]);
  assertEquals(of(40), Array(40).fill(100));
});

Deno.test("partitions take turns at the beginning of a fetch, which the broker fills in this order", () => {
  const partitions = [0, 1, 2, 3].map((partition) => ({
    partition,
    fetchOffset: "5",
    maxBytes: 100,
  }));
  const params = { ...everything, topics: [{ topic: "t", partitions }] };
  const orders = [0, 0.3, 0.99].map((drawn) =>
    sharedOut(params, () => drawn).topics[0]!.partitions.map(({ partition }) => partition)
  );
  assertEquals(orders, [[0, 1, 2, 3], [1, 2, 3, 0], [3, 0, 1, 2]]);
});

Deno.test("decodeByName() leaves out partitions that would take more memory, and not those without records", async () => {
  const MIB = 1_048_576;
  const large = await batch({ records: Array(3).fill({ value: "x".repeat(MIB) }), compression: 1 });
  const sets = Array.from({ length: 100 }, (_, id) => id % 2 ? Buffer.alloc(0) : large);
  const partitions = sets.map((_, partition) => ({ partition, fetchOffset: "0", maxBytes: 0 }));
  const params = { ...everything, topics: [{ topic: "t", partitions }] };
  const { responses } = await decodeByName(response(sets), params) as Decoded;
  const counts = responses[0]!.partitions.map(({ messages }) => messages.length);
  assertEquals(counts.filter((count) => count === 0).length, 50);
  const records = counts.reduce((sum, count) => sum + count);
  assert(records >= 1 && records < 10, `${records} records of 1 MiB at once`);
  // One partition alone has all its records.
  const [alone] = (await decode(response([large])) as Decoded).responses;
  assertEquals(alone!.partitions[0]!.messages.length, 3);
});
