import { assertEquals } from "@std/assert";
import { compare, pack, ROW_BYTES } from "../../../src/commands/verify/compare.ts";
import { type Message, validate } from "../../../src/record/validate.ts";
import type { Held } from "../../../src/postgres/audit.ts";

const encoder = new TextEncoder();

const message = (offset: number, value: string | null): Message => ({
  offset: String(offset),
  timestamp: "0",
  key: null,
  value: value === null ? null : encoder.encode(value),
  headers: [],
});
const good = (offset: number, userID = offset) =>
  message(offset, `{"userID":${userID},"timestamp":${offset}.5,"coordinates":[1.5,2.5]}`);
const bad = (offset: number) => message(offset, `bad ${offset}`);
const tombstone = (offset: number) => message(offset, null);

/** The rows that these records make. */
const rowsOf = (...messages: Message[]) => pack(validate(messages).points);

function held(rows: Uint8Array, rejects: [offset: number, value: string | null][] = []): Held {
  return {
    rows,
    rejects: new Map(
      rejects.map(([at, text]) => [at, text === null ? null : encoder.encode(text)]),
    ),
  };
}

const check = (messages: Message[], held: Held) => compare(messages, validate(messages), held);

Deno.test("compare() finds each record accounted for", () => {
  const messages = [good(0), bad(1), tombstone(2), good(3)];
  assertEquals(check(messages, held(rowsOf(good(0), good(3)), [[1, "bad 1"]])), {
    stored: 2,
    rejected: 1,
    tombstones: 1,
    discrepancies: [],
  });
});

Deno.test("compare() finds nothing in nothing", () => {
  assertEquals(check([], held(new Uint8Array(0))), {
    stored: 0,
    rejected: 0,
    tombstones: 0,
    discrepancies: [],
  });
});

Deno.test("compare() uses the fast comparison only for valid records, with the same result", () => {
  const messages = [good(5), good(6), tombstone(7)];
  assertEquals(check(messages, held(rowsOf(good(5), good(6)))), {
    stored: 2,
    rejected: 0,
    tombstones: 1,
    discrepancies: [],
  });
});

Deno.test("compare() accepts a good record that the database refused, with its own bytes", () => {
  const value = new TextDecoder().decode(good(1).value!);
  assertEquals(check([good(0), good(1)], held(rowsOf(good(0)), [[1, value]])), {
    stored: 1,
    rejected: 1,
    tombstones: 0,
    discrepancies: [],
  });
});

const discrepancies: [
  name: string,
  messages: Message[],
  held: Held,
  kind: string,
  offset: number,
][] = [
  ["a good record that is nowhere", [good(0), good(1)], held(rowsOf(good(0))), "missing", 1],
  ["a bad record that is nowhere", [good(0), bad(1)], held(rowsOf(good(0))), "missing", 1],
  ["a row of another user", [good(0, 7)], held(rowsOf(good(0, 8))), "different", 0],
  ["a row for a bad record", [bad(3)], held(rowsOf(good(3))), "different", 3],
  ["a reject with other bytes", [bad(3)], held(rowsOf(), [[3, "bad 4"]]), "different", 3],
  ["a reject without bytes", [bad(3)], held(rowsOf(), [[3, null]]), "different", 3],
  ["a row for a tombstone", [tombstone(4)], held(rowsOf(good(4))), "extra", 4],
  ["a reject for a tombstone", [tombstone(4)], held(rowsOf(), [[4, null]]), "extra", 4],
  ["a row without a record", [good(0)], held(rowsOf(good(0), good(9))), "orphan", 9],
  ["a reject without a record", [good(0)], held(rowsOf(good(0)), [[9, "x"]]), "orphan", 9],
  ["the same row twice", [good(0)], held(rowsOf(good(0), good(0))), "extra", 0],
  ["a row and a reject at once", [good(0)], held(rowsOf(good(0)), [[0, "x"]]), "extra", 0],
];

for (const [name, messages, inDatabase, kind, offset] of discrepancies) {
  Deno.test(`compare() finds ${name}`, () => {
    assertEquals(check(messages, inDatabase).discrepancies as unknown[], [{ kind, offset }]);
  });
}

Deno.test("compare() sees the last bit of every number", () => {
  const rows = rowsOf(good(0));
  for (const at of [7, 11, 19, 27, 35]) {
    const changed = rows.slice();
    changed[at]! ^= 1;
    // Another offset is a missing row and an extra one, all else a different row.
    const kinds = check([good(0)], held(changed)).discrepancies.map(({ kind }) => kind);
    assertEquals(kinds, at === 7 ? ["missing", "orphan"] : ["different"]);
  }
});

Deno.test("compare() distinguishes -0 from the stored 0", () => {
  const record = message(0, '{"userID":1,"timestamp":1.5,"coordinates":[-0.0,2.5]}');
  const row = (latitude: number) =>
    pack({
      offsets: [0],
      userIDs: [1],
      timestamps: [1.5],
      latitudes: [latitude],
      longitudes: [2.5],
    });
  assertEquals(check([record], held(row(0))).discrepancies, []);
  assertEquals(check([record], held(row(-0))).discrepancies, [{ kind: "different", offset: 0 }]);
});

Deno.test("compare() lists discrepancies by offset, and counts the correct records", () => {
  const messages = [good(0), good(1), bad(2), good(3)];
  assertEquals(check(messages, held(rowsOf(good(1), good(3, 9), good(8)))), {
    stored: 1,
    rejected: 0,
    tombstones: 0,
    discrepancies: [
      { kind: "missing", offset: 0 },
      { kind: "missing", offset: 2 },
      { kind: "different", offset: 3 },
      { kind: "orphan", offset: 8 },
    ],
  });
});

Deno.test("pack() writes big-endian rows, as PostgreSQL sends numbers", () => {
  const offset = 2 ** 40 + 3;
  const packed = pack({
    offsets: [offset],
    userIDs: [-2],
    timestamps: [1.5],
    latitudes: [-60.25],
    longitudes: [24.125],
  });
  const view = new DataView(packed.buffer);
  assertEquals(packed.length, ROW_BYTES);
  assertEquals(
    [view.getBigInt64(0), view.getInt32(8), ...[12, 20, 28].map((at) => view.getFloat64(at))],
    [BigInt(offset), -2, 1.5, -60.25, 24.125],
  );
});

Deno.test("compare() distinguishes large offsets", () => {
  const large = 2 ** 32;
  const messages = [good(large, 1), good(large + 1, 2)];
  assertEquals(check(messages, held(rowsOf(...messages), [[1, "x"]])).discrepancies, [
    { kind: "orphan", offset: 1 },
  ]);
});
