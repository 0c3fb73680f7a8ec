import { assertEquals } from "@std/assert";
import type { Run } from "../../../../src/commands/consume/consume.ts";
import { partitionOf, statusOf } from "../../../../src/commands/consume/live/status.ts";

const NOW_MS = 1_700_000_000_000;
const CLOCK_MS = 500_000;

/** A run that owns partition 1 of 0 to 2. */
function run(changes: { wait?: object; isBlocked?: boolean } = {}): Run {
  const member = { name: "routes-1a2b", host: "10.0.0.7", partitions: [0] };
  return {
    deps: { system: { now: () => NOW_MS, clock: () => CLOCK_MS } },
    stats: {
      health: () => ({
        ...{ read: 3, stored: 2, rejected: 1, tombstones: 0, reasons: { utf8: 1 } },
        ...{ settledMs: 4_000, waitingMs: 90_000, isProven: true },
      }),
    },
    progress: {
      lag: 5,
      lags: new Map([[2, null], [0, 5], [1, 0]]),
      assigned: new Map([[1, 10]]),
    },
    owners: { members: [member], isBlocked: changes.isBlocked ?? false },
    waits: { current: changes.wait ?? null },
    sources: { all: [{ id: 101, partition: 0 }] },
  } as unknown as Run;
}

Deno.test("the status of a run has its counts, and each partition with its owner", () => {
  assertEquals(statusOf(run()), {
    counts: {
      ...{ read: 3, stored: 2, rejected: 1, tombstones: 0, reasons: { utf8: 1 } },
      settledAt: NOW_MS / 1000 - 4,
    },
    lag: {
      total: 5,
      partitions: [
        { partition: 0, lag: 5, owner: "routes-1a2b (10.0.0.7, partition 0)" },
        { partition: 1, lag: 0, owner: "this process" },
        { partition: 2, lag: null, owner: null },
      ],
    },
    wait: null,
  });
  assertEquals([partitionOf(run(), 101), partitionOf(run(), 102)], [0, null]);
});

Deno.test("the status says what records wait for, and since when", () => {
  const wait = { reason: "kafka", text: "Kafka: gone", since: CLOCK_MS - 65_000 };
  assertEquals(statusOf(run({ wait })).wait, {
    ...{ reason: "kafka", text: "Kafka: gone", since: NOW_MS / 1000 - 65 },
  });
  assertEquals(statusOf(run({ isBlocked: true })).wait, {
    ...{ reason: "members", text: "other members of the group", since: NOW_MS / 1000 - 90 },
  });
});
