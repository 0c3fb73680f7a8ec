import { assertEquals } from "@std/assert";
import { LAG_MAX_AGE_MS, Progress } from "../../../src/commands/consume/progress.ts";
import type { Range } from "../../../src/record/offsets.ts";

const NOW_MS = 1_764_000_000_000;

function openProgress() {
  const time = { ms: 0 };
  const done = new AbortController();
  const system = { now: () => NOW_MS + time.ms, clock: () => time.ms };
  return { time, done: done.signal, progress: new Progress(Infinity, done, system) };
}

const topic = (...ranges: [low: number, high: number][]): Map<number, Range> =>
  new Map(ranges.map(([low, high], partition) => [partition, { low, high }]));

Deno.test("the lag counts every partition of the topic, whichever process owns it", () => {
  const { progress } = openProgress();
  // Partition 2 was never read; the records of partition 3 up to offset 40 were deleted.
  progress.update(topic([0, 10], [0, 20], [5, 30], [40, 50]), new Map([[0, 4], [1, 20], [3, 15]]));
  assertEquals([...progress.lags.values()], [6, 0, 25, 10]);
  assertEquals([progress.lag, progress.assignedPartitions, progress.topicPartitions], [41, 0, 4]);
  progress.assign(new Map([[0, 4]]));
  progress.advance(0, 10);
  assertEquals([progress.lag, progress.assignedLag, progress.assignedPartitions], [35, 0, 1]);
});

Deno.test("the lag is unknown before the first answer, and when the last one is old", () => {
  const { time, progress } = openProgress();
  assertEquals([progress.lag, progress.lagKnownAt, progress.knownLag], [null, null, null]);
  progress.update(topic([0, 10]), new Map([[0, 4]]));
  time.ms = LAG_MAX_AGE_MS;
  assertEquals([progress.lag, progress.lagKnownAt], [6, NOW_MS]);
  time.ms++;
  assertEquals([progress.lag, progress.lags], [null, new Map([[0, null]])]);
  assertEquals(progress.knownLag, { lag: 6, ageMs: LAG_MAX_AGE_MS + 1 });
  progress.update(topic([0, 10]), new Map([[0, 10]]));
  assertEquals([progress.lag, progress.lagKnownAt], [0, NOW_MS + LAG_MAX_AGE_MS + 1]);
});

Deno.test("a run with an end is done when all partitions are settled, also those of other processes", () => {
  const { done, progress } = openProgress();
  const ranges = topic([0, 10], [0, 10]);
  progress.update(ranges, new Map());
  progress.endAt(new Map([[0, 10], [1, 10]]));
  progress.assign(new Map([[0, 0]]));
  progress.advance(0, 10);
  assertEquals(done.aborted, false);
  progress.update(ranges, new Map([[0, 10], [1, 9]]));
  assertEquals(done.aborted, false);
  progress.update(ranges, new Map([[0, 10], [1, 10]]));
  assertEquals(done.aborted, true);
});

Deno.test("a process that leaves the group keeps what it has settled in its lag", () => {
  const { progress } = openProgress();
  progress.update(topic([0, 10]), new Map());
  progress.assign(new Map([[0, 0]]));
  progress.advance(0, 7);
  progress.release();
  assertEquals([progress.lag, progress.assignedPartitions, progress.isAssigned], [3, 0, false]);
});
