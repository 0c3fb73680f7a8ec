import { assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import RequestQueue from "npm:kafkajs@2.2.4/src/network/requestQueue/index.js";
import { limitTimers } from "../../../src/kafka/patches/limit_timers.ts";

limitTimers();

// deno-lint-ignore no-explicit-any
type Loose = any;

/** The members of a queue that its timers use. */
function queueOf(inflight: { sentAt: number; requestTimeout: number; timeoutRequest(): void }[]) {
  const queue: Loose = Object.create((RequestQueue as Loose).prototype);
  let checks = 0;
  Object.assign(queue, {
    pending: [],
    inflight: new Map(inflight.entries()),
    throttledUntil: -1,
    throttleCheckTimeoutId: null,
    requestTimeout: 20,
    requestTimeoutIntervalId: null,
    isConnected: () => true,
    checkPendingRequests: () => void checks++,
  });
  return { queue, checks: () => checks };
}

Deno.test("a queue without pending requests has no timer", () => {
  const { queue } = queueOf([]);
  queue.scheduleCheckPendingRequests();
  assertEquals(queue.throttleCheckTimeoutId, null);
});

Deno.test("a queue with pending requests checks them once", async () => {
  const { queue, checks } = queueOf([]);
  queue.pending.push({});
  queue.scheduleCheckPendingRequests();
  queue.scheduleCheckPendingRequests();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals([checks(), queue.throttleCheckTimeoutId], [1, null]);
});

Deno.test("a request without an answer times out, and one that is not late does not", async () => {
  const late = Promise.withResolvers<void>();
  const early = {
    sentAt: Date.now() + 60_000,
    requestTimeout: 20,
    timeoutRequest: () => late.reject(new Error("too early")),
  };
  const { queue } = queueOf([
    early,
    { sentAt: Date.now() - 60_000, requestTimeout: 20, timeoutRequest: () => late.resolve() },
  ]);
  queue.scheduleRequestTimeoutCheck();
  await late.promise;
  queue.destroy();
});
