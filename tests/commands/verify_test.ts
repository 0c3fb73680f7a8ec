import { assertEquals, assertRejects } from "@std/assert";
import { type Reading, runVerify, type VerifyDeps } from "../../src/commands/verify.ts";
import { pack } from "../../src/compare.ts";
import { Operation } from "../../src/failure.ts";
import { type Message, sift } from "../../src/sift.ts";

type AuditedSource = Awaited<ReturnType<VerifyDeps["sources"]>>[number];

const encoder = new TextEncoder();

const message = (offset: number, value: string | null): Message => ({
  offset: String(offset),
  timestamp: "0",
  key: null,
  value: value === null ? null : encoder.encode(value),
});
const good = (offset: number, userID = offset) =>
  message(offset, `{"userID":${userID},"timestamp":${offset}.5,"coordinates":[1.5,2.5]}`);
const bad = (offset: number) => message(offset, `bad ${offset}`);
const tombstone = (offset: number) => message(offset, null);
const goods = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => good(from + i));

/** One partition: what the topic holds of it, and what the database does; the rest follows from these. */
interface Partition {
  log: Message[];
  low: number;
  high: number;
  /** Records that were settled when they were there. */
  settled: Message[];
  source: Partial<AuditedSource>;
}

const defaults: Partition = { log: [], low: 0, high: 0, settled: [], source: {} };

/** A topic and a database in memory; null: the partition was never read. */
function room(partitions: (Partial<Partition> | null)[], changes: Partial<VerifyDeps> = {}) {
  const parts = partitions.map((part) => part && ({ ...defaults, high: endOf(part), ...part }));
  const printed: string[] = [];
  const notes: string[] = [];
  const progress: string[] = [];
  let reads = 0;
  const deps: VerifyDeps = {
    topic: "routes",
    ranges: () =>
      Promise.resolve(
        new Map(parts.map((part, i) => [i, { low: part?.low ?? 0, high: part?.high ?? 0 }])),
      ),
    sources: () => Promise.resolve(parts.flatMap((part, i) => part ? sourceOf(part, i) : [])),
    held: (id, from, to) => {
      const { points, rejects } = sift(within(parts[id - 1]!.settled, from, to));
      return Promise.resolve({
        rows: pack(points),
        rejects: new Map(rejects.map(({ offset, message: { value } }) => [offset, value])),
      });
    },
    read: (reading, signal) => {
      reads++;
      return readAll(parts.map((part) => part ?? defaults), reading, signal);
    },
    out: (text) => Promise.resolve(void printed.push(text)),
    note: (line) => notes.push(line),
    progress: (line) => progress.push(line),
    signal: new AbortController().signal,
    ...changes,
  };
  return {
    run: () => runVerify(deps),
    printed: () => printed.join(""),
    notes,
    progress,
    reads: () => reads,
  };
}

const endOf = ({ log = [], settled = [] }: Partial<Partition>) =>
  Math.max(0, ...[...log, ...settled].map(({ offset }) => Number(offset) + 1));

const within = (messages: Message[], from: number, to: number) =>
  messages.filter(({ offset }) => Number(offset) >= from && Number(offset) < to);

function sourceOf({ settled, high, source }: Partition, partition: number): AuditedSource {
  const nextOffset = source.nextOffset ?? high;
  const { points, rejects, tombstones } = sift(settled);
  return {
    id: partition + 1,
    partition,
    startOffset: 0,
    nextOffset,
    stored: points.offsets.length,
    rejected: rejects.length,
    tombstones,
    tombstonesTo: 0,
    rowsHeld: points.offsets.length,
    rejectsHeld: rejects.length,
    ahead: within(settled, nextOffset, Infinity).map(({ offset }) => Number(offset)),
    lost: [],
    ...source,
  };
}

const BATCH = 4;

/** Reads as the adapter does: round by round, until the signal ends; to wait for nothing is a failure here. */
async function readAll(parts: Partition[], reading: Reading, signal: AbortSignal): Promise<void> {
  const positions = await reading.assigned([...parts.keys()]);
  while (!signal.aborted) {
    let moved = false;
    for (const [partition, { log, low, high }] of parts.entries()) {
      const position = positions.get(partition);
      if (signal.aborted || position === undefined) continue;
      if (position < low) await reading.outOfRange(partition, position, { low, high });
      if (position >= high) continue;
      moved = true;
      const messages = within(log, position, high).slice(0, BATCH);
      // Only markers up to the end.
      const lastOffset = messages.length < BATCH ? high - 1 : Number(messages.at(-1)!.offset);
      let next: number | null = high;
      if (messages.length > 0) {
        const batch = { partition, from: position, messages, highWatermark: high, signal };
        next = await reading.settle(batch);
        const isLast = next === Number(messages.at(-1)!.offset) + 1;
        if (isLast) next = lastOffset + 1;
        if (isLast) reading.passed(partition, lastOffset + 1);
      } else reading.passed(partition, high);
      // Null: no more from here.
      if (next === null) positions.delete(partition);
      else positions.set(partition, next);
    }
    if (!moved) throw new Error("everything is read, and it still waits");
  }
}

const faultsOf = async (partitions: (Partial<Partition> | null)[]) => {
  const { accounts, failure } = await room(partitions).run();
  return {
    failure: failure?.message ?? null,
    accounts: accounts.map(({ missing, extra, different, miscounted }) => ({
      missing: missing.first,
      extra: extra.first,
      different: different.first,
      miscounted,
    })),
  };
};

Deno.test("verify finds every record accounted for, prints the table and says so", async () => {
  const first = [...goods(0, 9), bad(9), tombstone(10)];
  const second = goods(0, 2_000);
  const { run, printed, notes } = room([
    { log: first, settled: first },
    { log: second, settled: second },
  ]);
  const { accounts, failure } = await run();
  assertEquals(failure, null);
  assertEquals(accounts.map(({ stored, rejected, tombstones }) => [stored, rejected, tombstones]), [
    [9, 1, 1],
    [2_000, 0, 0],
  ]);
  assertEquals(
    printed(),
    `partition  stored  rejected  tombstones  missing  extra  different  lost
        0       9         1           1        0      0          0     0
        1   2 000         0           0        0      0          0     0
    total   2 009         1           1        0      0          0     0
`,
  );
  assertEquals(notes, ['all 2 011 records of topic "routes" are accounted for, each once']);
});

Deno.test("verify shows how far it has come", async () => {
  const { run, progress } = room([{ log: goods(0, 6), settled: goods(0, 6) }]);
  await run();
  assertEquals(progress, ["compared 4 records", "compared 6 records"]);
});

const wrong: [name: string, part: Partial<Partition>, faults: Partial<Record<string, unknown>>][] =
  [
    ["a row that is not there", { log: goods(0, 3), settled: [good(0), good(2)] }, {
      missing: [1],
    }],
    ["a reject that is not there", { log: [good(0), bad(1)], settled: [good(0)], high: 2 }, {
      missing: [1],
    }],
    ["a row that is another", { log: goods(0, 3), settled: [good(0), good(1, 9), good(2)] }, {
      different: [1],
    }],
    ["a row for a tombstone", { log: [good(0), tombstone(1)], settled: goods(0, 2) }, {
      extra: [1],
      // The database has counted no tombstone.
      miscounted: true,
    }],
    ["a row within a batch that has no record", {
      log: [good(0), good(2)],
      settled: goods(0, 3),
    }, { extra: [1] }],
    ["rows at and behind the position", {
      log: goods(0, 5),
      settled: goods(0, 5),
      source: { nextOffset: 3 },
    }, { extra: [3, 4] }],
    ["counts that are not those of the tables", {
      log: goods(0, 3),
      settled: goods(0, 3),
      source: { stored: 4 },
    }, { miscounted: true }],
    ["tombstones that were not counted", {
      log: [good(0), tombstone(1)],
      settled: [good(0), tombstone(1)],
      source: { tombstones: 0 },
    }, { miscounted: true }],
  ];

for (const [name, part, faults] of wrong) {
  Deno.test(`verify finds ${name}`, async () => {
    const { accounts: [account], failure } = await faultsOf([part]);
    assertEquals(account as Record<string, unknown>, {
      missing: [],
      extra: [],
      different: [],
      miscounted: false,
      ...faults,
    });
    assertEquals(/^topic "routes" and the database differ in \d+ places?$/.test(failure!), true);
  });
}

Deno.test("verify names the first offsets of each fault, and ends with 65", async () => {
  const log = [...goods(0, 1_000), bad(1_000), tombstone(1_001)];
  const settled = [...goods(1_000, 1_001), ...goods(8, 12).map((_, i) => good(8 + i, 5))];
  const { run, printed, notes } = room([
    { log, settled: settled.sort((a, b) => Number(a.offset) - Number(b.offset)), high: 1_002 },
    { log: goods(0, 1), settled: goods(0, 1) },
  ]);
  const { failure } = await run();
  assertEquals([failure?.kind, failure?.message, failure?.reason], [
    "data",
    'topic "routes" and the database differ in 1 002 places',
    ["the first offsets of each kind are named above"],
  ]);
  assertEquals(
    printed().split("\n").slice(1),
    [
      "        0       0         0           1      996      0          5     0",
      "        1       1         0           0        0      0          0     0",
      "    total       1         0           1      996      0          5     0",
      "partition 0: missing at offset 0, 1, 2, 3, 4, …",
      "partition 0: different at offset 8, 9, 10, 11, 1000",
      "partition 0: the counts in routes_sources are not those of the tables",
      "",
    ],
  );
  assertEquals(notes, []);
});

Deno.test("one place is called one", async () => {
  const { failure } = await room([{ log: goods(0, 2), settled: [good(0)], high: 2 }]).run();
  assertEquals(failure?.message, 'topic "routes" and the database differ in 1 place');
});

for (const nextOffset of [0, 1, 3, 4, 5, 8, 9]) {
  Deno.test(`verify ends where the database stands, at ${nextOffset} of 9, and tells the lag`, async () => {
    const { run, notes } = room([{
      log: goods(0, 9),
      settled: goods(0, nextOffset),
      source: { nextOffset },
    }]);
    const { accounts, failure } = await run();
    assertEquals([failure, accounts[0]!.stored, accounts[0]!.to], [null, nextOffset, nextOffset]);
    const lag = nextOffset < 9 ? ` · lag ${9 - nextOffset}` : "";
    const all = nextOffset === 1 ? "the 1 record" : `all ${nextOffset} records`;
    const are = nextOffset === 1 ? "is" : "are";
    assertEquals(notes, [`${all} of topic "routes" ${are} accounted for, each once${lag}`]);
  });
}

Deno.test("verify counts the partitions that were never read to the lag", async () => {
  const { run, notes } = room([{ log: goods(0, 3), settled: goods(0, 3) }, null], {
    ranges: () => Promise.resolve(new Map([[0, { low: 0, high: 3 }], [1, { low: 5, high: 12 }]])),
  });
  assertEquals((await run()).failure, null);
  assertEquals(notes, ['all 3 records of topic "routes" are accounted for, each once · lag 7']);
});

Deno.test("verify does not read where there is nothing to compare", async () => {
  const { run, reads } = room([{ log: goods(0, 3), source: { nextOffset: 0 } }, {}]);
  assertEquals((await run()).failure, null);
  assertEquals(reads(), 0);
});

Deno.test("verify passes over markers, also at the end of a partition", async () => {
  const log = [good(1), good(3), good(4), good(8)];
  assertEquals(await faultsOf([{ log, settled: log, high: 12 }]), {
    failure: null,
    accounts: [{ missing: [], extra: [], different: [], miscounted: false }],
  });
});

Deno.test("verify passes over a partition that holds nothing but markers", async () => {
  assertEquals(
    (await faultsOf([{ high: 5 }, { log: goods(0, 1), settled: goods(0, 1) }])).failure,
    null,
  );
});

Deno.test("verify leaves out what is no longer in the topic, and says how much", async () => {
  const { run, printed } = room([{ log: goods(6, 9), low: 6, settled: goods(0, 9) }]);
  const { accounts, failure } = await run();
  assertEquals([failure, accounts[0]!.from, accounts[0]!.stored, accounts[0]!.agedOut], [
    null,
    6,
    3,
    6,
  ]);
  assertEquals(
    printed().split("\n").at(-2),
    "partition 0: 6 settled records are no longer in the topic",
  );
});

Deno.test("verify does not take rows that are too many for records that are gone", async () => {
  const settled = goods(0, 9);
  const { run, printed } = room([{
    log: goods(0, 3),
    settled,
    high: 3,
    // No more than the first are looked up.
    source: { nextOffset: 3, ahead: [3, 4, 5, 6, 7] },
  }]);
  const { accounts } = await run();
  assertEquals([accounts[0]!.agedOut, accounts[0]!.extra.count], [0, 5]);
  assertEquals(printed().includes("no longer"), false);
});

Deno.test("verify shows what an operator declared lost", async () => {
  const { run, printed } = room([{
    log: goods(5, 7),
    low: 5,
    settled: goods(5, 7),
    source: { lost: [{ from: 0, to: 3, reason: "retention" }, { from: 3, to: 5, reason: "x" }] },
  }]);
  const { accounts, failure } = await run();
  assertEquals([failure, accounts[0]!.lost, accounts[0]!.agedOut], [null, 5, 0]);
  assertEquals(printed().includes("no longer"), false);
});

Deno.test("verify compares from where reading began", async () => {
  const source = { startOffset: 4 };
  const { accounts, failure } = await room([{
    log: goods(0, 9),
    settled: goods(4, 9),
    source,
  }]).run();
  assertEquals([failure, accounts[0]!.from, accounts[0]!.stored], [null, 4, 5]);
});

Deno.test("verify does not hold tombstones against a database whose replay has not caught up", async () => {
  const log = [tombstone(0), good(1), tombstone(2)];
  const replayed = { nextOffset: 2, tombstones: 2, tombstonesTo: 3 };
  assertEquals(
    (await faultsOf([{ log, settled: log.slice(0, 2), source: replayed }])).failure,
    null,
  );
});

Deno.test("verify has nothing to say of a topic that was never read", async () => {
  const failure = await assertRejects(() => room([null]).run(), Operation) as Operation;
  assertEquals([failure.kind, failure.message, failure.fix], [
    "data",
    'nothing of topic "routes" was consumed into this database',
    ["routes consume"],
  ]);
});

Deno.test("verify refuses a topic that ends before what was read", async () => {
  const { run } = room([{ log: goods(0, 3), settled: goods(0, 3), source: { nextOffset: 9 } }]);
  const failure = await assertRejects(() => run(), Operation) as Operation;
  assertEquals([failure.kind, failure.message], [
    "data",
    'partition 0 of topic "routes" ends before what was already read',
  ]);
});

Deno.test("verify refuses a topic that has fewer partitions than were read", async () => {
  const { run } = room([{ log: goods(0, 3), settled: goods(0, 3) }, { settled: goods(0, 3) }], {
    ranges: () => Promise.resolve(new Map([[0, { low: 0, high: 3 }]])),
  });
  const failure = await assertRejects(() => run(), Operation) as Operation;
  assertEquals([failure.kind, failure.message], [
    "data",
    'topic "routes" has fewer partitions than before',
  ]);
});

Deno.test("verify fails when the log changes while it is read", async () => {
  const { run } = room([{ log: goods(0, 9), settled: goods(0, 9) }], {
    read: (reading) => reading.outOfRange(0, 4, { low: 6, high: 9 }).then(() => {}),
  });
  await assertRejects(() => run(), Operation, "lost 2 records unread");
});

Deno.test("verify that is interrupted gives no verdict", async () => {
  const stop = new AbortController();
  const { run, printed, notes } = room([{ log: goods(0, 9), settled: goods(0, 5), high: 9 }], {
    read: () => Promise.resolve(stop.abort(130)),
    signal: stop.signal,
  });
  assertEquals(await run(), { accounts: [], failure: null });
  assertEquals([printed(), notes], ["", ["stopped before every record was compared"]]);
});

Deno.test("verify passes on why reading failed", async () => {
  const { run } = room([{ log: goods(0, 9), settled: goods(0, 9) }], {
    read: () => Promise.reject(new Error("connection lost")),
  });
  await assertRejects(() => run(), Error, "connection lost");
});
