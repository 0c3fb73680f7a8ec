import { assertEquals } from "@std/assert";
import { findFaults, hash, hashRow, type Observations, readRow } from "./checker.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const good = (k: number) => `{"userID":1,"timestamp":${k}.5,"coordinates":[1.5,2.5]}`;

/** Six correctly settled records of one partition: four rows, a reject at offset 2 and a tombstone at 3. */
function observations(): Observations {
  const values = [good(0), good(1), "bad", null, good(4), good(5)];
  const rows = [0, 1, 4, 5].map((offset) => ({
    source: 7,
    offset,
    hash: hashRow(readRow(encode(values[offset]!))!),
    arrival: offset + 100,
  }));
  return {
    acked: values.filter((value) => value !== null),
    log: new Map([[
      0,
      values.map((text, offset) => ({ offset, value: text === null ? null : encode(text) })),
    ]]),
    sources: [{ id: 7, partition: 0, start: 0, next: 6, stored: 4, rejected: 1, tombstones: 1 }],
    rows,
    rejects: [{ source: 7, offset: 2, hash: hash("bad"), code: "json_syntax" }],
    moves: [{ source: 7, from: 0, to: 4 }, { source: 7, from: 4, to: 6 }],
    committed: new Map([[0, 6]]),
    outputs: ["stored 4"],
    secrets: ["s3cret"],
    summary: { read: 6, stored: 4, rejected: 1, tombstones: 1 },
  };
}

/** The invariants that are broken after this damage. */
function broken(damage: (observations: Observations) => void): string[] {
  const damaged = observations();
  damage(damaged);
  return [...new Set(findFaults(damaged).map((fault) => fault.split(" ")[0]!))].sort();
}

Deno.test("findFaults() finds no fault in a correct run", () => {
  assertEquals(findFaults(observations()), []);
});

const DAMAGES: [what: string, invariants: string[], (observations: Observations) => void][] = [
  ["a row is lost", ["I1"], ({ rows }) => rows.splice(1, 1)],
  ["an acknowledged record is not in the topic", ["I1"], ({ acked }) => acked.push(good(9))],
  ["a reject is lost", ["I1"], ({ rejects }) => rejects.pop()],
  ["a row is among the rejects", ["I1"], ({ rows, rejects }) => {
    rejects.push({ ...rows.shift()!, code: "schema" });
  }],
  ["a tombstone became a row", ["I1"], ({ rows }) => {
    rows.push({ ...rows[0]!, offset: 3, arrival: 103 });
    rows.sort((a, b) => a.offset - b.offset);
  }],
  [
    "a row has no record",
    ["I1"],
    ({ rows }) => rows.push({ ...rows[0]!, offset: 9, arrival: 109 }),
  ],
  ["a row belongs to no partition", ["I1"], ({ rows }) => rows.push({ ...rows[0]!, source: 8 })],
  ["a partition was not read", ["I1"], ({ log }) => log.set(1, log.get(0)!.slice(3, 4))],
  ["a row is stored twice", ["I2"], ({ rows }) => rows.splice(1, 0, rows[0]!)],
  [
    "a position decreased",
    ["I3"],
    ({ moves }) => moves.push({ source: 7, from: 6, to: 4 }, { source: 7, from: 4, to: 6 }),
  ],
  ["a position jumped", ["I3"], ({ moves }) => moves[0]!.to = 3],
  ["rows were written in the wrong order", ["I4"], ({ rows }) => rows[0]!.arrival = 999],
  [
    "a row is above the position",
    ["I3", "I5", "I7", "I8", "I9"],
    ({ sources }) => sources[0]!.next = 5,
  ],
  ["a row was changed", ["I6"], ({ rows }) => rows[2]!.hash = rows[1]!.hash],
  ["a reject was changed", ["I6"], ({ rejects }) => rejects[0]!.hash = hash("baad")],
  ["the counts are wrong", ["I8"], ({ sources, summary }) => {
    sources[0]!.stored = 5;
    Object.assign(summary!, { read: 7, stored: 5 });
  }],
  ["the summary is wrong", ["I8"], ({ summary }) => summary!.tombstones = 0],
  ["the committed offset is too high", ["I9"], ({ committed }) => committed.set(0, 7)],
  ["a secret was printed", ["I10"], ({ outputs }) => outputs.push("password s3cret refused")],
];
for (const [name, invariants, damage] of DAMAGES) {
  Deno.test(`findFaults() finds that ${name}`, () => assertEquals(broken(damage), invariants));
}
