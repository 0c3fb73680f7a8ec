import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { decodeRecords } from "../../../src/kafka/batches/decode.ts";
import { patchFetch } from "../../../src/kafka/patches/fetch.ts";
import { useCodecs } from "../../../src/kafka/codecs/mod.ts";
import { batch, withChecksum } from "../../support/batches.ts";

useCodecs();
patchFetch();

const MIB = 1_048_576;
const GZIP = 1;
const ZSTD = 4;

/** Where the fields of a batch header are. */
const AT = { size: 8, attributes: 21, lastOffsetDelta: 23, count: 57, records: 61 };

/** A batch of these packed bytes, which says that it has `count` records. */
async function packed(
  codec: number,
  body: Uint8Array,
  { count, firstOffset = 0, lastOffset = firstOffset + count - 1 }: {
    count: number;
    firstOffset?: number;
    lastOffset?: number;
  },
): Promise<Buffer> {
  const head = (await batch({ records: [], firstOffset })).subarray(0, AT.records);
  const bytes = Buffer.concat([head, body]);
  bytes.writeInt32BE(bytes.length - AT.size - 4, AT.size);
  bytes.writeInt16BE(codec, AT.attributes);
  bytes.writeInt32BE(lastOffset - firstOffset, AT.lastOffsetDelta);
  bytes.writeInt32BE(count, AT.count);
  return withChecksum(bytes);
}

function varint(value: number): Uint8Array {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value) << 1n ^ BigInt(value) >> 63n);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Uint8Array.of(...bytes, Number(rest));
}

interface RecordParts {
  delta?: number;
  value?: Uint8Array;
  /** The number of headers, and their bytes. */
  headers?: [count: number, bytes: Uint8Array];
  size?: number;
}

/** One record as bytes; `size` is what it claims, if that is a lie. */
function record({ delta = 0, value = Buffer.from("v"), headers, size }: RecordParts): Buffer {
  const [count, bytes] = headers ?? [0, Buffer.alloc(0)];
  const body = Buffer.concat([
    Uint8Array.of(0, 0),
    varint(delta),
    varint(-1),
    varint(value.length),
    value,
    varint(count),
    bytes,
  ]);
  return Buffer.concat([varint(size ?? body.length), body]);
}

async function decode(sets: Buffer[], { from = 0, bytesMax = 32 * MIB } = {}) {
  const records = await decodeRecords(Buffer.concat(sets), { from, high: 1_000_000, bytesMax });
  return records.filter(({ isControlRecord }) => !isControlRecord)
    .map(({ offset, value, damage, headers }) => ({
      offset: Number(offset),
      value,
      damage,
      headers,
    }));
}

interface KnownBatch {
  bytes: Buffer;
  last: number;
}

/** Reads all of the log, in several fetches; by record its offset, or what is wrong with which offsets. */
async function outline(log: KnownBatch[], { from = 0 } = {}): Promise<string[]> {
  const all = [];
  for (let next = from; next <= log.at(-1)!.last; next++) {
    const sent = log.filter(({ last }) => last >= next).map(({ bytes }) => bytes);
    const records = await decode(sent, { from: next });
    all.push(...records);
    const last = records.at(-1)!;
    next = last.damage?.lastOffset ?? last.offset;
  }
  return all.map(({ offset, damage }) =>
    damage ? `${damage.code} ${offset}-${damage.lastOffset}` : `${offset}`
  );
}

const good = async (offset: number): Promise<KnownBatch> => ({
  bytes: await batch({ records: [{ value: "good" }], firstOffset: offset }),
  last: offset,
});

/** Batches that cannot be read, each with offsets 1 to 3. */
const unreadable: [name: string, bytes: () => Promise<Buffer>, reason: RegExp][] = [
  ["a flipped bit", async () => {
    const bytes = await batch({ records: [{ value: "abc" }, {}, {}], firstOffset: 1 });
    bytes[bytes.length - 10]! ^= 1;
    return bytes;
  }, /its checksum is wrong/],
  ["packed bytes that are not gzip", () => packed(GZIP, Buffer.from("no"), THREE), /gzip: /],
  ["zstd without a frame", () => packed(ZSTD, Buffer.from("nothing"), THREE), /no frame begins/],
  ["a codec that does not exist", () => packed(7, Buffer.from("?"), THREE), /codec 7 is unknown/],
  [
    "a record that is smaller than any",
    () => packed(0, record({ size: 0 }), THREE),
    /a record of 0 bytes is too small/,
  ],
  [
    "a record of a negative size",
    () => packed(0, record({ size: -1 }), { ...THREE, count: 2 ** 31 - 1 }),
    /a record of -1 bytes is too small/,
  ],
  [
    "a record that is longer than its batch",
    () => packed(0, record({ size: 500 }), THREE),
    /it ends after 0 of 3 records/,
  ],
  [
    "more records than bytes",
    () => packed(0, Buffer.alloc(0), { ...THREE, count: 2 ** 31 - 1 }),
    /it ends after 0 of 2 147 483 647 records/,
  ],
  [
    "offsets that do not grow",
    () => packed(0, record({ delta: -1 }), THREE),
    /offset 0 is out of order/,
  ],
  [
    "a field that is longer than its record",
    () => packed(0, record({ headers: [1, Buffer.from([100, 2])] }), THREE),
    /a number has no end/,
  ],
];
const THREE = { count: 3, firstOffset: 1 };

for (const [name, bytes, reason] of unreadable) {
  Deno.test("batches behind the end that the broker told are read: it looked at the end before it read", async () => {
    const values = (first: number) => [0, 1, 2].map((i) => ({ value: `${first + i}` }));
    const sets = await Promise.all(
      [0, 3, 6].map((firstOffset) => batch({ firstOffset, records: values(firstOffset) })),
    );
    const all = Array.from({ length: 9 }, (_, offset) => [offset, `${offset}`, undefined]);
    for (const high of [0, 1, 3, 6, 8, 9]) {
      for (const from of [0, 2, 3, 4, 8]) {
        const records = await decodeRecords(
          Buffer.concat(sets.slice(Math.floor(from / 3))),
          { from, high, bytesMax: MIB },
        );
        const found = records.map(({ offset, value, damage }) => [
          Number(offset),
          value && new TextDecoder().decode(value),
          damage,
        ]);
        assertEquals(found, all.slice(from), `high ${high}, from ${from}`);
      }
    }
  });

  Deno.test(`decodeRecords() makes one reject of a batch with ${name}, and reads its neighbours`, async () => {
    const log = [await good(0), { bytes: await bytes(), last: 3 }, await good(4)];
    assertEquals(await outline(log), ["0", "unreadable 1-3", "4"]);
    const [first] = await decode([log[1]!.bytes], { from: 1 });
    assertMatch(first!.damage!.reason, reason);
    assertEquals(first!.value, log[1]!.bytes);
    assertEquals(await outline(log, { from: 2 }), ["unreadable 2-3", "4"]);
  });
}

Deno.test("decodeRecords() keeps the records before one that cannot be read", async () => {
  const body = Buffer.concat([record({}), record({ delta: 1 }), record({ delta: 2, size: 3 })]);
  const log = [{ bytes: await packed(0, body, { count: 3 }), last: 2 }, await good(3)];
  assertEquals(await outline(log), ["0", "1", "unreadable 2-2", "3"]);
});

Deno.test("decodeRecords() takes one offset at a time of a damaged batch whose header contradicts itself", async () => {
  const bytes = await batch({ records: [{}, {}, {}], firstOffset: 1 });
  bytes.writeInt32BE(900_000, AT.lastOffsetDelta);
  const log = [{ bytes, last: 3 }, await good(4)];
  const expected = ["unreadable 1-1", "unreadable 2-2", "unreadable 3-3", "4"];
  assertEquals(await outline(log, { from: 1 }), expected);
});

Deno.test("decodeRecords() moves on behind a batch of a wrong size", async () => {
  for (const size of [-12, 0, 48, 1_000_000]) {
    const broken = await good(5);
    broken.bytes.writeInt32BE(size, AT.size);
    const log = [await good(4), broken, await good(6)];
    assertEquals(await outline(log, { from: 4 }), ["4", "unreadable 5-5", "6"], `${size}`);
  }
});

/** Records over a bound, between good ones. */
const large: [name: string, record: () => RecordParts][] = [
  ["a value of more than 1 MiB", () => ({ value: Buffer.alloc(MIB + 1) })],
  ["a value of 127 MiB", () => ({ value: Buffer.alloc(127 * MIB, "x") })],
  ["a header of 100 MiB", () => {
    const bytes = Buffer.alloc(100 * MIB);
    return {
      headers: [1, Buffer.concat([varint(1), Buffer.from("h"), varint(bytes.length), bytes])],
    };
  }],
  ["1 001 headers", () => ({ headers: [1_001, Buffer.alloc(2_002)] })],
  ["30 million empty headers", () => ({ headers: [30_000_000, Buffer.alloc(60_000_000)] })],
];

for (const [name, parts] of large) {
  Deno.test(`decodeRecords() keeps 64 KiB of a record with ${name}, and reads its neighbours`, async () => {
    const body = Buffer.concat([
      record({}),
      record({ delta: 1, ...parts() }),
      record({ delta: 2 }),
    ]);
    for (
      const [codec, bytes] of [[GZIP, gzipSync(body)], [ZSTD, zstdCompressSync(body)]] as const
    ) {
      const sets = [await packed(codec, bytes, { count: 3 })];
      assertEquals(await outline([{ bytes: sets[0]!, last: 2 }]), ["0", "size 1-1", "2"]);
      const [, { value, damage }] = await decode(sets) as [
        unknown,
        Awaited<ReturnType<typeof decode>>[0],
      ];
      assert(value!.length <= 65_536);
      assertMatch(damage!.reason, /found .*; SHA-256 of its \d{4,} bytes: [0-9a-f]{64}$/);
    }
  });
}

Deno.test("decodeRecords() gives a large batch in parts, each record once", async () => {
  const bodies = Array.from(
    { length: 120 },
    (_, delta) => record({ delta, value: Buffer.alloc(MIB, delta) }),
  );
  const sets = [await packed(ZSTD, zstdCompressSync(Buffer.concat(bodies)), { count: 120 })];
  const others = bodies.map((_, delta) => record({ delta, value: Buffer.alloc(MIB, 255) }));
  const twin = await packed(ZSTD, zstdCompressSync(Buffer.concat(others)), { count: 120 });
  const seen: number[] = [];
  for (let from = 0, reads = 0; from < 120; reads++) {
    assert(reads < 120);
    // Another batch with the same header is not mistaken for it.
    const other = await decode([twin], { from, bytesMax: 1 });
    assert(other[0]!.offset === from && other[0]!.value![7] === 255);
    const part = await decode(sets, { from, bytesMax: 7.5 * MIB });
    assert(part.length >= 1 && part.length < 5, `${part.length} records at once`);
    assert(part.every(({ offset, value }) => value!.length === MIB && value![7] === offset));
    seen.push(...part.map(({ offset }) => offset));
    from = seen.at(-1)! + 1;
  }
  assertEquals(seen, Array.from({ length: 120 }, (_, i) => i));
});

Deno.test("decodeRecords() counts a record as an object even if it is empty", async () => {
  const body = Buffer.concat(
    Array.from({ length: 100_000 }, (_, delta) => record({ delta, value: Buffer.alloc(0) })),
  );
  const sets = [await packed(ZSTD, zstdCompressSync(body), { count: 100_000 })];
  const part = await decode(sets, { bytesMax: MIB });
  assert(part.length < 10_000, `${part.length} records`);
});

Deno.test("decodeRecords() reads on behind records that compaction removed", async () => {
  const bytes = await packed(0, record({ delta: 1 }), { count: 1, lastOffset: 9 });
  const records = await decodeRecords(bytes, { from: 2, high: 10, bytesMax: MIB });
  assertEquals(records.map(({ offset, isControlRecord }) => [offset, isControlRecord]), [[
    "9",
    true,
  ]]);
});

Deno.test("decodeRecords() replaces invalid UTF-8 in the name of a header", async () => {
  const name = Buffer.from([2, 0xff, 0]);
  const sets = [await packed(0, record({ headers: [1, name] }), { count: 1 })];
  const [{ headers }] = await decode(sets) as [Awaited<ReturnType<typeof decode>>[0]];
  assertEquals(headers!.map(({ key }) => key), ["\ufffd"]);
});
