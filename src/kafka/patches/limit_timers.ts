// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import RequestQueue from "npm:kafkajs@2.2.4/src/network/requestQueue/index.js";

interface Queue {
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  checkPendingRequests(): void;
  isConnected(): boolean;
  destroy(): void;
  pending: unknown[];
  inflight: Map<unknown, { sentAt: number; requestTimeout: number; timeoutRequest(): void }>;
  throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  requestTimeout: number;
  requestTimeoutIntervalId: ReturnType<typeof setInterval> | undefined;
}

/** The longest time between two checks for timed-out requests. */
const LATE_MS = 500;

/**
 * Replaces two methods of kafkajs src/network/requestQueue/index.js. kafkajs restarts a -1 ms timer on each connection forever (tulios/kafkajs#1556, #1704), which costs 5 % of a core when
 * idle and prints a warning on stderr. Here that check runs only while requests are queued. kafkajs also looks for
 * timed-out requests ten times a second; every LATE_MS is enough, and halves the remaining cost. Test: tests/kafka/patches/limit_timers_test.ts.
 */
export function limitTimers(): void {
  const queue = RequestQueue.prototype as Queue;
  queue.scheduleRequestTimeoutCheck = function () {
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => {
      const now = Date.now();
      for (const request of this.inflight.values()) {
        if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
      }
      if (!this.isConnected()) this.destroy();
    }, Math.min(this.requestTimeout, LATE_MS));
  };
  queue.scheduleCheckPendingRequests = function () {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const waitMs = Math.max(this.throttledUntil - Date.now(), 10);
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, waitMs);
  };
}
