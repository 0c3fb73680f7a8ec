import { assertEquals } from "@std/assert";
import { compare, type Comparison, type Held, pack, ROW_BYTES } from "../src/compare.ts";
import { type Message, sift } from "../src/sift.ts";
import { bytesOf, RECORD } from "./record_cases.ts";

const message = (offset: number, value: string | null): Message => ({
  offset: String(offset),
  timestamp: "0",
  key: null,
  value: value === null ? null : bytesOf(value),
});

const OTHER = RECORD.replace("60.25", "60.250000000000007");

/** What the database has when it holds these values as rows, and those as rejects. */
function held(rows: [number, string][], rejects: [number, string | null][] = []): Held {
  const { points } = sift(rows.map(([offset, value]) => message(offset, value)));
  return {
    rows: pack(points),
    rejects: new Map(rejects.map(([offset, value]) => [
      offset,
      value === null ? null : bytesOf(value),
    ])),
  };
}

function compared(log: [number, string | null][], database: Held): Comparison {
  const messages = log.map(([offset, value]) => message(offset, value));
  return compare(messages, sift(messages), database);
}

const FAR = Number.MAX_SAFE_INTEGER - 1;
const log: [number, string | null][] = [[3, RECORD], [5, "bad"], [6, null], [FAR, RECORD]];
const whole = { stored: 2, rejected: 1, tombstones: 1, faults: [] };

Deno.test("pack() writes each number in its place, high bytes first", () => {
  const view = new DataView(held([[2 ** 32 + 1, RECORD], [FAR, RECORD]]).rows.buffer);
  assertEquals(view.byteLength, 2 * ROW_BYTES);
  assertEquals([view.getBigInt64(0), view.getInt32(8)], [2n ** 32n + 1n, 7]);
  assertEquals([12, 20, 28].map((at) => view.getFloat64(at)), [1732431234.5, 60.25, 24.5]);
  assertEquals(view.getBigInt64(ROW_BYTES), BigInt(FAR));
});

Deno.test("compare() finds no fault where each record is accounted for", () => {
  assertEquals(compared(log, held([[3, RECORD], [FAR, RECORD]], [[5, "bad"]])), whole);
  assertEquals(compared([], held([])), { stored: 0, rejected: 0, tombstones: 0, faults: [] });
});

Deno.test("compare() counts the same by whole blocks, where nothing is rejected", () => {
  const plain: typeof log = [[3, RECORD], [4, null], [7, OTHER]];
  const expected = { stored: 2, rejected: 0, tombstones: 1, faults: [] };
  assertEquals(compared(plain, held([[3, RECORD], [7, OTHER]])), expected);
});

Deno.test("compare() lets the database reject what is valid, with its own bytes", () => {
  const database = held([[FAR, RECORD]], [[3, RECORD], [5, "bad"]]);
  assertEquals(compared(log, database), { ...whole, stored: 1, rejected: 2 });
});

const faults: [name: string, database: Held, faults: Comparison["faults"]][] = [
  [
    "a row that is not there",
    held([[FAR, RECORD]], [[5, "bad"]]),
    [{ kind: "missing", offset: 3 }],
  ],
  [
    "a reject that is not there",
    held([[3, RECORD], [FAR, RECORD]]),
    [{ kind: "missing", offset: 5 }],
  ],
  [
    "a row that differs in its last bit",
    held([[3, OTHER], [FAR, RECORD]], [[5, "bad"]]),
    [{ kind: "different", offset: 3 }],
  ],
  [
    "a reject of other bytes",
    held([[3, RECORD], [FAR, RECORD]], [[5, "bad "]]),
    [{ kind: "different", offset: 5 }],
  ],
  [
    "a reject without bytes",
    held([[3, RECORD], [FAR, RECORD]], [[5, null]]),
    [{ kind: "different", offset: 5 }],
  ],
  [
    "a bad record as a row",
    held([[3, RECORD], [5, RECORD], [FAR, RECORD]]),
    [{ kind: "different", offset: 5 }],
  ],
  [
    "a record as row and as reject",
    held([[3, RECORD], [FAR, RECORD]], [[3, RECORD], [5, "bad"]]),
    [{ kind: "extra", offset: 3 }],
  ],
  [
    "a row twice",
    held([[3, RECORD], [3, RECORD], [FAR, RECORD]], [[5, "bad"]]),
    [{ kind: "extra", offset: 3 }],
  ],
  [
    "a tombstone as a row",
    held([[3, RECORD], [6, RECORD], [FAR, RECORD]], [[5, "bad"]]),
    [{ kind: "extra", offset: 6 }],
  ],
  [
    "a tombstone as a reject",
    held([[3, RECORD], [FAR, RECORD]], [[5, "bad"], [6, null]]),
    [{ kind: "extra", offset: 6 }],
  ],
  [
    "rows and rejects of no record, in the order of offsets",
    held([[3, RECORD], [4, RECORD], [FAR, RECORD]], [[2, "x"], [5, "bad"]]),
    [{ kind: "extra", offset: 2 }, { kind: "extra", offset: 4 }],
  ],
];
for (const [name, database, expected] of faults) {
  Deno.test(`compare() names ${name}`, () => {
    assertEquals(compared(log, database).faults, expected);
  });
}

Deno.test("compare() leaves what it was given as it was", () => {
  const database = held([[3, RECORD]], [[5, "bad"]]);
  compared(log, database);
  assertEquals(database, held([[3, RECORD]], [[5, "bad"]]));
});
