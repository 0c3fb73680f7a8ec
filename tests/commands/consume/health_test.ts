import { assertEquals } from "@std/assert";
import { type Health, readiness } from "../../../src/commands/consume/health.ts";

const health: Health = {
  read: 1,
  stored: 1,
  rejected: 0,
  tombstones: 0,
  reasons: {},
  lag: 5,
  lags: new Map([[0, 5]]),
  lagKnownAt: 0,
  settledMs: 0,
  waitingMs: 0,
  isProven: true,
  isBlocked: false,
  wait: null,
  silentMs: { kafka: 0, postgresql: 0 },
  assignedPartitions: 1,
  topicPartitions: 1,
};

const wait = { reason: "postgresql", text: "PostgreSQL: it is read-only", ms: 95_000 } as const;

const cases: [changes: Partial<Health>, ready: boolean, reason: string][] = [
  [{}, true, "records are being settled"],
  [{ waitingMs: 59_999 }, true, "records are being settled"],
  [{ lag: null }, true, "records are being settled"],
  [{ waitingMs: 60_000 }, false, "no record was settled for 1:00"],
  [{ waitingMs: 95_000, wait }, false, "waiting for PostgreSQL: it is read-only (1:35)"],
  // A run that has settled nothing yet may have a database that refuses every row.
  [{ isProven: false, waitingMs: 500 }, false, "no record was settled for 0:00"],
  [{ isProven: false, lag: null }, false, "no record was settled for 0:00"],
  [{ isProven: false, lag: 0 }, true, "every record is settled"],
  [{ lag: 0, waitingMs: 90_000 }, true, "every record is settled"],
  [
    { lag: 0, silentMs: { kafka: 60_000, postgresql: 0 } },
    false,
    "Kafka has not answered for 1:00",
  ],
  [
    { lag: 0, silentMs: { kafka: 0, postgresql: 61_000 } },
    false,
    "PostgreSQL has not answered for 1:01",
  ],
  [
    { isBlocked: true },
    false,
    "other members of the group keep partitions from being settled",
  ],
];

for (const [changes, ready, reason] of cases) {
  Deno.test(`readiness() says ${ready ? "ready" : "not ready"} for ${JSON.stringify(changes)}`, () => {
    const state = { ...health, ...changes };
    assertEquals(readiness(state), { ready, reason, lag: state.lag });
  });
}

Deno.test("readiness() is false before the start", () => {
  assertEquals(readiness(null), { ready: false, reason: "not started", lag: null });
});
