import { assertEquals, assertRejects } from "@std/assert";
import { OperationalError } from "../../../src/errors.ts";
import type { Range } from "../../../src/record/offsets.ts";
import {
  AssignedPartitions,
  type PartitionsDeps,
} from "../../../src/commands/consume/partitions.ts";
import { SourceGone } from "../../../src/commands/consume/commit_step.ts";
import { KnownSources } from "../../../src/commands/consume/known_sources.ts";
import { Progress } from "../../../src/commands/consume/progress.ts";
import type { Source, Step } from "../../../src/postgres/store.ts";
import type { Message } from "../../../src/record/validate.ts";

type PartitionsOptions = ConstructorParameters<typeof AssignedPartitions>[0];

const never = new AbortController().signal;

/** Partitions of a topic and a table in memory; `settled` lists the steps. */
function memoryPartitions(
  ranges: Record<number, Range>,
  { count = Infinity, ...options }: Partial<PartitionsOptions> & { count?: number } = {},
  stored: Record<number, number> = {},
  changes: Partial<PartitionsDeps> = {},
) {
  const log = new Map(Object.entries(ranges).map(([partition, range]) => [+partition, range]));
  const rows = new Map(Object.entries(stored).map(([partition, next]) => [+partition, next]));
  const lasts = new Map<number, NonNullable<Source["last"]>>();
  const settled: Step[] = [];
  const skipped: [source: number, from: number, to: number][] = [];
  const done = new AbortController();
  const readRows = (): Promise<Source[]> =>
    Promise.resolve(
      [...rows].map(([partition, nextOffset]) => {
        return {
          id: partition + 100,
          partition,
          topicId: null,
          nextOffset,
          stored: 0,
          rejected: 0,
          tombstones: 0,
          last: lasts.get(partition) ?? null,
          tombstonesTo: 0,
        };
      }),
    );
  const sources = new KnownSources({
    sources: readRows,
    addSources: (starts) => {
      for (const [partition, start] of starts) rows.set(partition, start);
      return Promise.resolve();
    },
  });
  const progress = new Progress(count, done, { now: () => 0, clock: () => 0 });
  const deps: PartitionsDeps = {
    topic: "t",
    topicId: null,
    kafka: {
      ranges: () => Promise.resolve(log),
      offsetsAt: () => Promise.resolve(new Map()),
    },
    postgres: {
      pass: (moves) =>
        Promise.resolve(moves.map(({ source, from, to }) => {
          if (rows.get(source - 100) !== from) return false;
          rows.set(source - 100, to);
          return true;
        })),
      skip: (source, from, to) => {
        skipped.push([source, from, to]);
        rows.set(source - 100, to);
        return Promise.resolve(true);
      },
      fingerprint: ({ value }) => new TextDecoder().decode(value!),
    },
    reporter: { note: () => {} },
    system: { sleep: () => Promise.resolve() },
    backoff: { retry: (_signal, work) => work() },
    sources,
    progress,
    commitStep: (step) => {
      settled.push(step);
      rows.set(step.source - 100, step.to);
      return Promise.resolve(step.to);
    },
    done: done.signal,
    ...changes,
  };
  const partitions = new AssignedPartitions(
    {
      from: null,
      batchSize: 1000,
      onReject: "keep",
      acceptLoss: false,
      strict: false,
      ...options,
    },
    deps,
  );
  return {
    partitions,
    sources,
    progress,
    deps,
    settled,
    skipped,
    done: done.signal,
    log,
    rows,
    lasts,
  };
}

function records(
  from: number,
  count: number,
  value = '{"userID":1,"timestamp":1.5,"coordinates":[1.5,2.5]}',
) {
  return Array.from({ length: count }, (_, i): Message => ({
    offset: String(from + i),
    timestamp: "0",
    key: null,
    value: new TextEncoder().encode(value),
    headers: [],
  }));
}

function batch(partition: number, messages: Message[], signal = never) {
  const from = Number(messages[0]!.offset);
  return { partition, from, messages, signal };
}

Deno.test("assign() starts unread partitions at --from and the others at the position in the table", async () => {
  const { partitions, rows } = memoryPartitions(
    { 0: { low: 5, high: 9 }, 1: { low: 0, high: 50 } },
    {
      from: { at: "last", count: 10 },
    },
    { 1: 33 },
  );
  assertEquals(await partitions.assign([0, 1], never), new Map([[0, 5], [1, 33]]));
  assertEquals(rows.get(0), 5);
});

Deno.test("assign() refuses a position whose records were deleted unread", async () => {
  const { partitions } = memoryPartitions({ 0: { low: 5, high: 9 } }, {}, { 0: 2 });
  const error = await assertRejects(() => partitions.assign([0], never), OperationalError);
  assertEquals(error.reason, ["offsets 2 to 4 were deleted before they were read"]);
});

Deno.test("assign() refuses a position beyond the end, but not if the end catches up", async () => {
  const { partitions, deps } = memoryPartitions({ 0: { low: 0, high: 9 } }, {}, { 0: 12 });
  await assertRejects(() => partitions.assign([0], never), OperationalError, "ends before");
  let looks = 0;
  deps.kafka.ranges = () => Promise.resolve(new Map([[0, { low: 0, high: looks++ > 2 ? 12 : 9 }]]));
  assertEquals(await partitions.assign([0], never), new Map([[0, 12]]));
});

Deno.test("areRewound() detects lower positions in the table, but not higher ones", async () => {
  const { partitions, rows, sources } = memoryPartitions({ 0: { low: 0, high: 9 } }, {}, {
    0: 5,
  });
  await partitions.load([], never);
  assertEquals(await sources.areRewound(), false);
  rows.set(0, 7);
  assertEquals(await sources.areRewound(), false);
  rows.set(0, 4);
  assertEquals(await sources.areRewound(), true);
  rows.clear();
  assertEquals(await sources.areRewound(), true);
});

Deno.test("load() refuses a topic with fewer partitions than were read", async () => {
  const { partitions } = memoryPartitions({ 0: { low: 0, high: 9 } }, {}, { 0: 3, 1: 4 });
  await assertRejects(() => partitions.load([], never), OperationalError, "fewer partitions");
});

Deno.test("handleBatch() settles a batch in chunks without a gap", async () => {
  const { partitions, settled } = memoryPartitions({ 0: { low: 0, high: 25 } }, { batchSize: 10 });
  await partitions.assign([0], never);
  assertEquals(await partitions.handleBatch(batch(0, records(0, 25))), 25);
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 10], [10, 20], [20, 25]]);
});

Deno.test("handleBatch() starts a step at the position in the table, also after markers", async () => {
  const { partitions, settled } = memoryPartitions({ 0: { low: 0, high: 25 } });
  await partitions.assign([0], never);
  await partitions.handleBatch(batch(0, records(0, 5)));
  partitions.advance(0, 8);
  await partitions.handleBatch(batch(0, records(8, 2)));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 5], [5, 10]]);
});

Deno.test("assign() reads the last record again, and handleBatch() skips it", async () => {
  const { partitions, settled, lasts, progress } = memoryPartitions(
    { 0: { low: 0, high: 25 } },
    {},
    {
      0: 10,
    },
  );
  lasts.set(0, { offset: 7, hash: "{}" });
  assertEquals(await partitions.assign([0], never), new Map([[0, 7]]));
  assertEquals(progress.lag, 15);
  assertEquals(await partitions.handleBatch(batch(0, records(7, 1, "{}"))), 10);
  assertEquals(settled, []);
  await partitions.handleBatch(batch(0, [...records(7, 1, "{}"), ...records(10, 5)]));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[10, 15]]);
});

Deno.test("assign() reads the last record again after the end of the log was lower for a moment", async () => {
  const { partitions, log, lasts } = memoryPartitions({ 0: { low: 0, high: 20 } }, {}, { 0: 50 }, {
    system: {
      sleep: () => {
        log.set(0, { low: 0, high: 90 });
        return Promise.resolve();
      },
    },
  });
  lasts.set(0, { offset: 49, hash: "49" });
  assertEquals(await partitions.assign([0], never), new Map([[0, 49]]));
});

Deno.test("handleBatch() refuses a topic whose last record has changed", async () => {
  const { partitions, settled, lasts } = memoryPartitions({ 0: { low: 0, high: 25 } }, {}, {
    0: 10,
  });
  lasts.set(0, { offset: 9, hash: "{}" });
  await partitions.assign([0], never);
  await assertRejects(
    () => partitions.handleBatch(batch(0, records(9, 5))),
    OperationalError,
    "has changed since it was read",
  );
  assertEquals(settled, []);
});

Deno.test("assign() works without the last record when retention or compaction deleted it", async () => {
  const { partitions, settled, lasts } = memoryPartitions({ 0: { low: 10, high: 25 } }, {}, {
    0: 10,
  });
  lasts.set(0, { offset: 9, hash: "{}" });
  assertEquals(await partitions.assign([0], never), new Map([[0, 10]]));
  await partitions.handleBatch(batch(0, records(11, 5)));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[10, 16]]);
});

Deno.test("nothingToRead() is true at the end, but not beyond the end", async () => {
  const { partitions, log, sources, progress } = memoryPartitions({ 0: { low: 0, high: 9 } }, {}, {
    0: 9,
  });
  await partitions.load([], never);
  progress.endAt(new Map([[0, 9]]));
  assertEquals(progress.nothingToRead(sources, log), true);
  progress.endAt(new Map([[0, 5]]));
  assertEquals(progress.nothingToRead(sources, log), true);
  assertEquals(progress.nothingToRead(sources, new Map([[0, { low: 0, high: 7 }]])), false);
});

Deno.test("handleBatch() stops at the end that was set, and the run is done when all partitions have", async () => {
  const { partitions, settled, done, progress } = memoryPartitions({
    0: { low: 0, high: 25 },
    1: { low: 0, high: 3 },
  });
  progress.endAt(new Map([[0, 7], [1, 3]]));
  await partitions.assign([0, 1], never);
  assertEquals(await partitions.handleBatch(batch(0, records(0, 25))), 7);
  assertEquals([settled.at(-1)?.to, done.aborted], [7, false]);
  assertEquals(await partitions.handleBatch(batch(0, records(7, 5))), null);
  await partitions.handleBatch(batch(1, records(0, 3)));
  assertEquals(done.aborted, true);
});

Deno.test("handleBatch() settles exactly --count records", async () => {
  const { partitions, settled, done } = memoryPartitions({ 0: { low: 0, high: 25 } }, {
    count: 12,
    batchSize: 10,
  });
  await partitions.assign([0], never);
  await partitions.handleBatch(batch(0, records(0, 25)));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 10], [10, 12]]);
  assertEquals(done.aborted, true);
});

Deno.test("with --count the run is done only when the last record is stored", async () => {
  const landed = Promise.withResolvers<void>();
  const { partitions, done } = memoryPartitions(
    { 0: { low: 0, high: 9 }, 1: { low: 0, high: 9 } },
    { count: 3 },
    {},
    {
      commitStep: async (step) => {
        await landed.promise;
        return step.to;
      },
    },
  );
  await partitions.assign([0, 1], never);
  const settling = partitions.handleBatch(batch(0, records(0, 9)));
  // Markers or records of another partition arrive before the step is stored.
  partitions.advance(1, 5);
  assertEquals(done.aborted, false);
  landed.resolve();
  await settling;
  assertEquals(done.aborted, true);
});

Deno.test("handleBatch() returns unsettled records to the budget after a failure", async () => {
  let tries = 0;
  const { partitions, done } = memoryPartitions({ 0: { low: 0, high: 9 } }, { count: 3 }, {}, {
    commitStep: (step) =>
      ++tries === 1 ? Promise.reject(new SourceGone(step.source)) : Promise.resolve(step.to),
  });
  await partitions.assign([0], never);
  await assertRejects(() => partitions.handleBatch(batch(0, records(0, 9))), SourceGone);
  assertEquals(done.aborted, false);
  await partitions.assign([0], never);
  assertEquals([done.aborted, await partitions.handleBatch(batch(0, records(0, 9)))], [false, 3]);
  assertEquals(done.aborted, true);
});

Deno.test("handleBatch() continues at the position of another writer", async () => {
  const { partitions } = memoryPartitions({ 0: { low: 0, high: 25 } }, { batchSize: 10 }, {}, {
    commitStep: () => Promise.resolve(17),
  });
  await partitions.assign([0], never);
  assertEquals(await partitions.handleBatch(batch(0, records(0, 25))), 17);
});

Deno.test("handleBatch() with --on-reject fail stores only the records before the reject", async () => {
  const { partitions, settled, progress } = memoryPartitions({ 0: { low: 0, high: 9 } }, {
    onReject: "fail",
  });
  await partitions.assign([0], never);
  const messages = [...records(0, 3), ...records(3, 1, "{"), ...records(4, 2)];
  const error = await assertRejects(
    () => partitions.handleBatch(batch(0, messages)),
    OperationalError,
  );
  assertEquals(error.message, "record rejected: partition 0, offset 3");
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 3]]);
  assertEquals(progress.lag, 6);
});

Deno.test("handleBatch() finishes the current step when the signal aborts", async () => {
  const stop = new AbortController();
  const steps: number[] = [];
  const { partitions } = memoryPartitions({ 0: { low: 0, high: 25 } }, { batchSize: 10 }, {}, {
    commitStep: (step) => {
      steps.push(step.to);
      stop.abort();
      return Promise.resolve(step.to);
    },
  });
  await partitions.assign([0], never);
  assertEquals(await partitions.handleBatch(batch(0, records(0, 25), stop.signal)), 10);
  assertEquals(steps, [10]);
});

Deno.test("settled() moves the position in the table over markers, and steps go on from there", async () => {
  const { partitions, settled, rows, sources } = memoryPartitions({
    0: { low: 0, high: 25 },
    1: { low: 0, high: 25 },
  });
  await partitions.assign([0, 1], never);
  await partitions.handleBatch(batch(0, records(0, 5)));
  partitions.advance(0, 8);
  partitions.advance(1, 3);
  // Another process has moved partition 1.
  rows.set(1, 9);
  assertEquals(await partitions.settled(), new Map([[0, 8], [1, 0]]));
  assertEquals([rows.get(0), rows.get(1), sources.get(1)!.nextOffset], [8, 9, 0]);
  await partitions.handleBatch(batch(0, records(8, 2)));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 5], [8, 10]]);
});

Deno.test("settled() does not move a position over records that a restored database has lost", async () => {
  const { partitions, deps, rows } = memoryPartitions({ 0: { low: 0, high: 25 } });
  await partitions.assign([0], never);
  partitions.advance(0, 12);
  await partitions.settled();
  rows.set(0, 4);
  const { sources } = deps;
  const load = sources.load.bind(sources);
  // Meanwhile the partitions are assigned again: the row is read, but not yet used.
  sources.load = async () => {
    await load();
    await partitions.settled();
  };
  await partitions.assign([0], never);
  assertEquals([rows.get(0), sources.get(0)!.nextOffset], [4, 4]);
});

Deno.test("lag counts the records before the end of the assigned partitions", async () => {
  const { partitions, progress } = memoryPartitions({
    0: { low: 0, high: 25 },
    1: { low: 0, high: 4 },
  });
  await partitions.assign([0, 1], never);
  assertEquals(progress.lag, 29);
  partitions.advance(0, 20);
  assertEquals(progress.lag, 9);
});

Deno.test("assign() skips records that were deleted before they were read when the loss is accepted", async () => {
  const { partitions, skipped } = memoryPartitions({ 0: { low: 40, high: 50 } }, {
    acceptLoss: true,
  }, { 0: 10 });
  assertEquals(await partitions.assign([0], never), new Map([[0, 40]]));
  assertEquals(skipped, [[100, 10, 40]]);
});

Deno.test("assign() does not accept a recreated topic as a loss", async () => {
  const { partitions, skipped } = memoryPartitions(
    { 0: { low: 0, high: 5 } },
    { acceptLoss: true },
    { 0: 10 },
  );
  const failure = await assertRejects(() => partitions.assign([0], never), OperationalError);
  assertEquals(failure.hint, [
    "routes consume --replay earliest, which deletes what was stored from the topic",
  ]);
  assertEquals(skipped, []);
});
