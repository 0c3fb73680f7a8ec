import { assert, assertEquals, assertRejects } from "@std/assert";
import { runVerify, type VerifyDeps } from "../../../src/commands/verify/verify.ts";
import type { BatchHandler } from "../../../src/kafka/reader.ts";
import { pack } from "../../../src/commands/verify/compare.ts";
import { OperationalError } from "../../../src/errors.ts";
import { type Message, validate } from "../../../src/record/validate.ts";

/** One partition: its log from `low` on, and the database, which holds everything readable of `settled` unless told otherwise. */
interface Partition {
  log: (string | null)[];
  low?: number;
  /** What was settled, from offset 0 on; the log, unless given. */
  settled?: (string | null)[];
  /** Offsets whose row or reject is not in the database. */
  without?: number[];
  /** Additional rows and rejects. */
  extra?: { offset: number; value: string }[];
  counts?: { stored?: number; rejected?: number; tombstones?: number };
  ahead?: number[];
  lost?: { from: number; to: number; reason: string }[];
  /** Offsets that compaction removed. */
  compacted?: number[];
  /** This partition was never consumed. */
  isNew?: boolean;
  /** The topic does not have this partition any more. */
  isGone?: boolean;
}

/** A verification in memory; the reader is the only member of its group. */
async function run(partitions: Record<number, Partition>, isInterrupted = false) {
  const entries = Object.entries(partitions).map(([p, partition]) => [+p, partition] as const);
  const stop = new AbortController();
  const notes: string[] = [];
  let printed = "";
  let reads = 0;
  const deps: VerifyDeps = {
    topic: "t",
    topicId: null,
    kafka: {
      ranges: () =>
        Promise.resolve(
          new Map(
            entries.filter(([, { isGone }]) => !isGone)
              .map(([p, { low = 0, log }]) => [p, { low, high: low + log.length }]),
          ),
        ),
      isCompacted: () => Promise.resolve(entries.some(([, { compacted }]) => compacted)),
      read: (verifier, signal) => {
        reads++;
        if (!isInterrupted) return readAll(verifier, signal);
        return Promise.resolve(stop.abort(130));
      },
    },
    postgres: {
      sources: () =>
        Promise.resolve(
          entries.filter(([, { isNew }]) => !isNew).map(([p, partition]) => sourceOf(p, partition)),
        ),
      held: (source, from, to) => {
        const inside = ({ offset }: { offset: string | number }) => +offset >= from && +offset < to;
        const { points, rejects } = validate(storedOf(partitions[source - 100]!).filter(inside));
        const kept = rejects.map(({ offset, message }) => [offset, message.value] as const);
        return Promise.resolve({ rows: pack(points), rejects: new Map(kept) });
      },
    },
    reporter: { note: (line) => notes.push(line), progress: () => {} },
    system: { clock: () => 0, signal: stop.signal },
    stdout: { write: (text) => Promise.resolve(void (printed += text)) },
  };
  const verified = await runVerify(deps);
  return { verified, failure: verified?.failure, notes, printed, reads };

  async function readAll(verifier: BatchHandler, signal: AbortSignal): Promise<void> {
    const starts = await verifier.assign(entries.map(([p]) => p), signal);
    for (const [p, { log, low = 0, compacted = [] }] of entries) {
      const from = starts.get(p)!;
      const messages = log.map((value, i) => record(low + i, value)).filter(({ offset }) =>
        +offset >= from && !compacted.includes(+offset)
      );
      while (messages.length > 0) {
        const next = await verifier.handleBatch({
          partition: p,
          from,
          messages: messages.slice(0, 4),
          signal,
        });
        if (next === null) break;
        messages.splice(0, messages.findLastIndex(({ offset }) => +offset < next) + 1);
        verifier.advance(p, next);
      }
    }
    if (!signal.aborted) await ended(signal);
  }
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

function sourceOf(p: number, { log, settled = log, counts, ahead = [], ...rest }: Partition) {
  const { points, rejects, tombstones } = validate(settled.map((value, i) => record(i, value)));
  const held = validate(storedOf({ log, settled, ...rest }));
  return {
    id: p + 100,
    partition: p,
    topicId: null,
    startOffset: 0,
    nextOffset: settled.length,
    stored: points.offsets.length,
    rejected: rejects.length,
    tombstones,
    tombstonesTo: 0,
    rowsHeld: held.points.offsets.length + ahead.length,
    rejectsHeld: held.rejects.length,
    ahead,
    lost: rest.lost ?? [],
    ...counts,
  };
}

/** What the database has, in offset order, tombstones left out. */
function storedOf({ log, settled = log, without = [], extra = [] }: Partition): Message[] {
  return [
    ...settled.map((value, i) => record(i, value)).filter(({ offset, value }) =>
      value !== null && !without.includes(+offset)
    ),
    ...extra.map(({ offset, value }) => record(offset, value)),
  ].sort((a, b) => +a.offset - +b.offset);
}

function record(offset: number, value: string | null): Message {
  const bytes = value === null ? null : new TextEncoder().encode(value);
  return { offset: String(offset), timestamp: "0", key: null, value: bytes, headers: [] };
}

const line = (n: number) => `{"userID":${n},"timestamp":1.5,"coordinates":[1.5,2.5]}`;
const lines = (count: number) => Array.from({ length: count }, (_, n) => line(n));

/** The lines below the table. */
const remarks = (printed: string) =>
  printed.split("\n").filter((line) => line.startsWith("part"))
    .slice(1);

Deno.test("verify of a sound database says so and does not fail", async () => {
  const { failure, notes, printed } = await run({
    0: { log: [...lines(1_200), "{", null] },
    1: { log: [] },
    2: { log: [...lines(5), "later"], settled: lines(5) },
  });
  assertEquals(failure, null);
  assertEquals(notes, ['all 1 207 records of topic "t" are accounted for, each once · lag 1']);
  assertEquals(
    printed,
    "partition  stored  rejected  tombstones  missing  extra  different  lost\n" +
      "        0   1 200         1           1        0      0          0     0\n" +
      "        1       0         0           0        0      0          0     0\n" +
      "        2       5         0           0        0      0          0     0\n" +
      "    total   1 205         1           1        0      0          0     0\n",
  );
});

const faults: [name: string, partition: Partition, count: number, remark: string][] = [
  [
    "a missing row",
    { log: lines(9), without: [4], counts: { stored: 8 } },
    1,
    "partition 3: missing at offset 4",
  ],
  [
    "more missing rows than it names",
    { log: lines(9), without: [1, 2, 3, 5, 6, 8], counts: { stored: 3 } },
    6,
    "partition 3: missing at offset 1, 2, 3, 5, 6, …",
  ],
  [
    "a missing reject",
    { log: ["{", line(1)], without: [0], counts: { rejected: 0 } },
    1,
    "partition 3: missing at offset 0",
  ],
  [
    "a row that is there twice",
    { log: lines(9), extra: [{ offset: 4, value: line(4) }], counts: { stored: 10 } },
    1,
    "partition 3: extra at offset 4",
  ],
  [
    "a row of a tombstone",
    {
      log: [line(0), null],
      extra: [{ offset: 1, value: line(1) }],
      counts: { stored: 2 },
    },
    1,
    "partition 3: extra at offset 1",
  ],
  [
    "a row behind the position",
    { log: lines(9), settled: lines(6), ahead: [7], counts: { stored: 7 } },
    1,
    "partition 3: extra at offset 7",
  ],
  [
    "a row of another record",
    { log: lines(9), settled: [line(0), line(7), ...lines(9).slice(2)] },
    1,
    "partition 3: different at offset 1",
  ],
  [
    "a reject with other bytes",
    { log: ["{", "[]"], settled: ["{", "[ ]"] },
    1,
    "partition 3: different at offset 1",
  ],
  [
    "counts that do not match the rows",
    { log: lines(9), counts: { stored: 8 } },
    1,
    "partition 3: the counts in routes_sources do not match the tables",
  ],
  [
    "a count of tombstones that does not match the topic",
    { log: [line(0), null], counts: { tombstones: 2 } },
    1,
    "partition 3: the counts in routes_sources do not match the tables",
  ],
];

for (const [name, partition, count, remark] of faults) {
  Deno.test(`verify finds ${name}`, async () => {
    const { failure, notes, printed } = await run({ 0: { log: lines(3) }, 3: partition });
    const places = count === 1 ? "1 place" : `${count} places`;
    assertEquals(failure?.kind, "data");
    assertEquals(failure?.message, `topic "t" and the database differ in ${places}`);
    assertEquals(failure?.reason, ["the first offsets of each kind are named above"]);
    assertEquals([remarks(printed), notes], [[remark], []]);
  });
}

Deno.test("verify names what was declared lost, and does not fail for it", async () => {
  const lost = [{ from: 0, to: 1_500, reason: "deleted before it was read" }];
  const settled = [...Array(1_500).fill(null), ...lines(3)];
  const { verified, failure, printed } = await run({
    0: { low: 1_500, log: lines(3), settled, counts: { tombstones: 0 }, lost },
  });
  assertEquals([failure, verified?.accounts[0]?.lost], [null, 1_500]);
  assert(
    printed.includes("    total       3         0           0        0      0          0  1 500"),
  );
});

Deno.test("verify names what has aged out of the topic, and does not fail for it", async () => {
  const { verified, failure, notes, printed } = await run({
    0: { low: 4, log: lines(9).slice(4), settled: ["{", null, ...lines(9).slice(2)] },
  });
  assertEquals([failure, verified?.accounts[0]?.agedOut], [null, 3]);
  assertEquals(remarks(printed), ["partition 0: 3 consumed records are no longer in the topic"]);
  assertEquals(notes, ['all 5 records of topic "t" are accounted for, each once']);
});

Deno.test("verify reads nothing where everything settled has aged out", async () => {
  const { failure, reads } = await run({ 0: { low: 9, log: [], settled: lines(9) } });
  assertEquals([failure, reads], [null, 0]);
});

Deno.test("verify of a compacted topic does not fail for removed records", async () => {
  const { verified, failure, printed } = await run({
    0: { log: [...lines(6), null, ...lines(2)], compacted: [1, 2, 6] },
  });
  const { stored, agedOut, extra } = verified!.accounts[0]!;
  assertEquals([failure, stored, agedOut, extra.count], [null, 6, 2, 0]);
  assert(printed.includes("2 consumed records are no longer in the topic"), printed);
});

Deno.test("verify ends where compaction removed the last consumed record", async () => {
  const { verified } = await run({
    0: { log: lines(9), settled: lines(6), compacted: [5] },
  });
  assertEquals(verified?.accounts[0]?.stored, 5);
});

for (const settled of [0, 1, 3, 4, 5, 8, 9]) {
  Deno.test(`verify ends at the position in the database, ${settled} of 9, and prints the lag`, async () => {
    const { verified, failure, notes } = await run({
      0: { log: lines(9), settled: lines(settled) },
    });
    assertEquals([failure, verified?.accounts[0]?.stored], [null, settled]);
    const which = settled === 1 ? "the 1 record" : `all ${settled} records`;
    assertEquals(notes, [
      `${which} of topic "t" ${settled === 1 ? "is" : "are"} accounted for, each once` +
      (settled < 9 ? ` · lag ${9 - settled}` : ""),
    ]);
  });
}

Deno.test("verify counts partitions that were never read to the lag", async () => {
  const { failure, notes } = await run({
    0: { log: lines(3) },
    1: { low: 5, log: lines(7), settled: [], isNew: true },
  });
  assertEquals(failure, null);
  assertEquals(notes, ['all 3 records of topic "t" are accounted for, each once · lag 7']);
});

Deno.test("verify does not take rows that are too many for records that have aged out", async () => {
  const ahead = [6, 7, 8, 9, 10];
  // More are held than the first that are looked up.
  const { verified, printed } = await run({
    0: { log: lines(6), ahead, extra: [{ offset: 11, value: line(11) }], counts: { stored: 12 } },
  });
  assertEquals([verified?.accounts[0]?.agedOut, verified?.accounts[0]?.extra.count], [0, 5]);
  assertEquals(remarks(printed), ["partition 0: extra at offset 6, 7, 8, 9, 10"]);
});

Deno.test("verify refuses a topic that has fewer partitions than were read", async () => {
  const failure = await assertRejects(
    () => run({ 0: { log: lines(3) }, 1: { log: lines(3), isGone: true } }),
    OperationalError,
    'topic "t" has fewer partitions than before',
  );
  assertEquals(failure.kind, "data");
});

Deno.test("verify refuses a topic that ends before what was read", async () => {
  await assertRejects(
    () => run({ 0: { log: lines(3), settled: lines(9) } }),
    OperationalError,
    'partition 0 of topic "t" ends before the stored position',
  );
});

Deno.test("verify of a database that has consumed nothing fails, and says what to do", async () => {
  const failure = await assertRejects(() => run({}), OperationalError);
  assertEquals([failure.kind, failure.hint], ["data", ["routes consume"]]);
  assertEquals(failure.message, 'no records of topic "t" were consumed into this database');
});

Deno.test("verify that was interrupted says so and prints no result", async () => {
  const { verified, notes, printed } = await run({ 0: { log: lines(9) } }, true);
  assertEquals([verified, printed], [null, ""]);
  assertEquals(notes, ["interrupted before everything was compared"]);
});
