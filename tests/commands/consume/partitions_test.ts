import { assertEquals, assertRejects } from "@std/assert";
import { OperationalError } from "../../../src/errors.ts";
import type { Range } from "../../../src/record/offsets.ts";
import {
  AssignedPartitions,
  type ShareDeps,
  type ShareOptions,
  type Source,
} from "../../../src/commands/consume/partitions.ts";
import { SourceGone, type Step } from "../../../src/commands/consume/settle.ts";
import type { Message } from "../../../src/record/validate.ts";

const never = new AbortController().signal;

/** A share over a topic and a table in memory; `settled` lists what went through. */
function room(
  ranges: Record<number, Range>,
  options: Partial<ShareOptions> = {},
  stored: Record<number, number> = {},
  changes: Partial<ShareDeps> = {},
) {
  const log = new Map(Object.entries(ranges).map(([partition, range]) => [+partition, range]));
  const rows = new Map(Object.entries(stored).map(([partition, next]) => [+partition, next]));
  const lasts = new Map<number, NonNullable<Source["last"]>>();
  const settled: Step[] = [];
  const skipped: [source: number, from: number, to: number][] = [];
  const done = new AbortController();
  const sources = (): Promise<Source[]> =>
    Promise.resolve(
      [...rows].map(([partition, nextOffset]) => {
        return {
          id: partition + 100,
          partition,
          nextOffset,
          last: lasts.get(partition) ?? null,
          tombstonesTo: 0,
        };
      }),
    );
  const deps: ShareDeps = {
    topic: "t",
    ranges: () => Promise.resolve(log),
    offsetsAt: () => Promise.resolve(new Map()),
    sources,
    addSources: (starts) => {
      for (const [partition, start] of starts) rows.set(partition, start);
      return Promise.resolve();
    },
    skip: (source, from, to) => {
      skipped.push([source, from, to]);
      rows.set(source - 100, to);
      return Promise.resolve();
    },
    note: () => {},
    fingerprint: ({ value }) => new TextDecoder().decode(value!),
    settle: (step) => {
      settled.push(step);
      rows.set(step.source - 100, step.to);
      return Promise.resolve(step.to);
    },
    patiently: (_signal, work) => work(),
    sleep: () => Promise.resolve(),
    done,
    ...changes,
  };
  const share = new AssignedPartitions(
    {
      from: { at: "earliest" },
      count: Infinity,
      batchSize: 1000,
      stopAtReject: false,
      acceptLoss: false,
      strict: false,
      ...options,
    },
    deps,
  );
  return { share, deps, settled, skipped, done: done.signal, log, rows, lasts };
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
  return { partition, from, messages, highWatermark: 1000, signal };
}

Deno.test("assign() starts unread partitions where --from says and others where the table stands", async () => {
  const { share, rows } = room({ 0: { low: 5, high: 9 }, 1: { low: 0, high: 50 } }, {
    from: { at: "last", count: 10 },
  }, { 1: 33 });
  assertEquals(await share.assign([0, 1], never), new Map([[0, 5], [1, 33]]));
  assertEquals(rows.get(0), 5);
});

Deno.test("assign() refuses a position whose records were deleted unread", async () => {
  const { share } = room({ 0: { low: 5, high: 9 } }, {}, { 0: 2 });
  const error = await assertRejects(() => share.assign([0], never), OperationalError);
  assertEquals(error.reason, ["offsets 2 to 4 were deleted before they were read"]);
});

Deno.test("assign() refuses a position beyond the end, but not one that only seemed so", async () => {
  const { share, deps } = room({ 0: { low: 0, high: 9 } }, {}, { 0: 12 });
  await assertRejects(() => share.assign([0], never), OperationalError, "ends before");
  let looks = 0;
  deps.ranges = () => Promise.resolve(new Map([[0, { low: 0, high: looks++ > 2 ? 12 : 9 }]]));
  assertEquals(await share.assign([0], never), new Map([[0, 12]]));
});

Deno.test("rewound() tells a table that fell back from one that others moved on", async () => {
  const { share, log, rows } = room({ 0: { low: 0, high: 9 } }, {}, { 0: 5 });
  await share.load(log);
  assertEquals(await share.rewound(), false);
  rows.set(0, 7);
  assertEquals(await share.rewound(), false);
  rows.set(0, 4);
  assertEquals(await share.rewound(), true);
  rows.clear();
  assertEquals(await share.rewound(), true);
});

Deno.test("load() refuses a topic with fewer partitions than were read", async () => {
  const { share, log } = room({ 0: { low: 0, high: 9 } }, {}, { 0: 3, 1: 4 });
  await assertRejects(() => share.load(log), OperationalError, "fewer partitions");
});

Deno.test("settle() goes through a batch in chunks that follow each other without a gap", async () => {
  const { share, settled } = room({ 0: { low: 0, high: 25 } }, { batchSize: 10 });
  await share.assign([0], never);
  assertEquals(await share.handleBatch(batch(0, records(0, 25))), 25);
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 10], [10, 20], [20, 25]]);
});

Deno.test("settle() begins a step where the table stands, also behind markers", async () => {
  const { share, settled } = room({ 0: { low: 0, high: 25 } });
  await share.assign([0], never);
  await share.handleBatch(batch(0, records(0, 5)));
  share.advance(0, 8);
  await share.handleBatch(batch(0, records(8, 2)));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 5], [5, 10]]);
});

Deno.test("assign() reads the last record again, and handleBatch() leaves it out", async () => {
  const { share, settled, lasts } = room({ 0: { low: 0, high: 25 } }, {}, { 0: 10 });
  lasts.set(0, { offset: 7, hash: "{}" });
  assertEquals(await share.assign([0], never), new Map([[0, 7]]));
  assertEquals(share.lag, 15);
  assertEquals(await share.handleBatch(batch(0, records(7, 1, "{}"))), 10);
  assertEquals(settled, []);
  await share.handleBatch(batch(0, [...records(7, 1, "{}"), ...records(10, 5)]));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[10, 15]]);
});

Deno.test("settle() refuses a topic whose last record is another one now", async () => {
  const { share, settled, lasts } = room({ 0: { low: 0, high: 25 } }, {}, { 0: 10 });
  lasts.set(0, { offset: 9, hash: "{}" });
  await share.assign([0], never);
  await assertRejects(
    () => share.handleBatch(batch(0, records(9, 5))),
    OperationalError,
    "has changed since it was read",
  );
  assertEquals(settled, []);
});

Deno.test("assign() does without the last record where retention or compaction took it", async () => {
  const { share, settled, lasts } = room({ 0: { low: 10, high: 25 } }, {}, { 0: 10 });
  lasts.set(0, { offset: 9, hash: "{}" });
  assertEquals(await share.assign([0], never), new Map([[0, 10]]));
  await share.handleBatch(batch(0, records(11, 5)));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[10, 16]]);
});

Deno.test("there is nothing to read at the end, but something is wrong beyond it", async () => {
  const { share, log } = room({ 0: { low: 0, high: 9 } }, {}, { 0: 9 });
  await share.load(log);
  share.endAt(new Map([[0, 9]]));
  assertEquals(share.nothingToRead(log), true);
  share.endAt(new Map([[0, 5]]));
  assertEquals(share.nothingToRead(log), true);
  assertEquals(share.nothingToRead(new Map([[0, { low: 0, high: 7 }]])), false);
});

Deno.test("settle() stops at the end that was set, and says when nothing more is wanted", async () => {
  const { share, settled, done } = room({ 0: { low: 0, high: 25 }, 1: { low: 0, high: 3 } });
  share.endAt(new Map([[0, 7], [1, 3]]));
  await share.assign([0, 1], never);
  assertEquals(await share.handleBatch(batch(0, records(0, 25))), 7);
  assertEquals([settled.at(-1)?.to, done.aborted], [7, false]);
  assertEquals(await share.handleBatch(batch(0, records(7, 5))), null);
  await share.handleBatch(batch(1, records(0, 3)));
  assertEquals(done.aborted, true);
});

Deno.test("settle() takes exactly as many records as were asked for", async () => {
  const { share, settled, done } = room({ 0: { low: 0, high: 25 } }, { count: 12, batchSize: 10 });
  await share.assign([0], never);
  await share.handleBatch(batch(0, records(0, 25)));
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 10], [10, 12]]);
  assertEquals(done.aborted, true);
});

Deno.test("settle() of as many records as were asked for is done when the last is stored", async () => {
  const landed = Promise.withResolvers<void>();
  const { share, done } = room(
    { 0: { low: 0, high: 9 }, 1: { low: 0, high: 9 } },
    { count: 3 },
    {},
    {
      settle: async (step) => {
        await landed.promise;
        return step.to;
      },
    },
  );
  await share.assign([0, 1], never);
  const settling = share.handleBatch(batch(0, records(0, 9)));
  // Markers, or another partition's records, while those are on their way.
  share.advance(1, 5);
  assertEquals(done.aborted, false);
  landed.resolve();
  await settling;
  assertEquals(done.aborted, true);
});

Deno.test("settle() gives back what a failure kept it from", async () => {
  let tries = 0;
  const { share, done } = room({ 0: { low: 0, high: 9 } }, { count: 3 }, {}, {
    settle: (step) =>
      ++tries === 1 ? Promise.reject(new SourceGone(step.source)) : Promise.resolve(step.to),
  });
  await share.assign([0], never);
  await assertRejects(() => share.handleBatch(batch(0, records(0, 9))), SourceGone);
  assertEquals(done.aborted, false);
  await share.assign([0], never);
  assertEquals([done.aborted, await share.handleBatch(batch(0, records(0, 9)))], [false, 3]);
  assertEquals(done.aborted, true);
});

Deno.test("settle() goes on where another writer stands", async () => {
  const { share } = room({ 0: { low: 0, high: 25 } }, { batchSize: 10 }, {}, {
    settle: () => Promise.resolve(17),
  });
  await share.assign([0], never);
  assertEquals(await share.handleBatch(batch(0, records(0, 25))), 17);
});

Deno.test("settle() with stop at reject stores what comes before the reject and not more", async () => {
  const { share, settled } = room({ 0: { low: 0, high: 9 } }, { stopAtReject: true });
  await share.assign([0], never);
  const messages = [...records(0, 3), ...records(3, 1, "{"), ...records(4, 2)];
  const error = await assertRejects(() => share.handleBatch(batch(0, messages)), OperationalError);
  assertEquals(error.message, "partition 0 offset 3 is no record");
  assertEquals(settled.map(({ from, to }) => [from, to]), [[0, 3]]);
  assertEquals(share.lag, 997);
});

Deno.test("settle() ends after the step in hand when it is time to stop", async () => {
  const stop = new AbortController();
  const steps: number[] = [];
  const { share } = room({ 0: { low: 0, high: 25 } }, { batchSize: 10 }, {}, {
    settle: (step) => {
      steps.push(step.to);
      stop.abort();
      return Promise.resolve(step.to);
    },
  });
  await share.assign([0], never);
  assertEquals(await share.handleBatch(batch(0, records(0, 25), stop.signal)), 10);
  assertEquals(steps, [10]);
});

Deno.test("lag counts what lies behind the end of the owned partitions", async () => {
  const { share } = room({ 0: { low: 0, high: 25 }, 1: { low: 0, high: 4 } });
  await share.assign([0, 1], never);
  assertEquals(share.lag, 29);
  share.advance(0, 20);
  assertEquals(share.lag, 9);
});

Deno.test("a share goes on past records that were deleted unread when the loss is accepted", async () => {
  const { share, skipped } = room({ 0: { low: 40, high: 50 } }, { acceptLoss: true }, { 0: 10 });
  assertEquals(await share.assign([0], never), new Map([[0, 40]]));
  assertEquals(skipped, [[100, 10, 40]]);
});

Deno.test("a share does not take a topic that was made anew for a loss", async () => {
  const { share, skipped } = room({ 0: { low: 0, high: 5 } }, { acceptLoss: true }, { 0: 10 });
  const failure = await assertRejects(() => share.assign([0], never), OperationalError);
  assertEquals(failure.hint, [
    "routes consume --replay earliest, which deletes what was stored from the topic",
  ]);
  assertEquals(skipped, []);
});
