/** The rate, and the timers that throttle() needs. */
export interface ThrottleOptions {
  /** Items per second; null: no limit. */
  perSecond: number | null;
  /** Milliseconds of a monotonic clock. */
  clock(): number;
  /** Returns early when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

/** The resolution of timers; at high rates, one tick releases several items. */
const TICK_MS = 5;

/** Yields the items evenly at the rate, in chunks no larger than the input. It catches up after a delay. */
export async function* throttle<T>(
  chunks: AsyncIterable<T[]> | Iterable<T[]>,
  { perSecond, clock, sleep, signal }: ThrottleOptions,
): AsyncGenerator<T[]> {
  if (perSecond === null) return yield* chunks;
  const beganMs = clock();
  let passed = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const elapsedMs = clock() - beganMs;
      const due = Math.floor(elapsedMs * perSecond / 1000) + 1 - passed;
      if (due > 0) {
        const items = chunk.slice(at, at + due);
        yield items;
        at += items.length;
        passed += items.length;
      } else {
        await sleep(Math.max(passed * 1000 / perSecond - elapsedMs, TICK_MS), signal);
      }
      if (signal.aborted) return;
    }
  }
}
