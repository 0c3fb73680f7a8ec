import type { System } from "../../system.ts";

interface ThrottleOptions {
  /** Items per second; null: no limit. */
  perSecond: number | null;
  system: Pick<System, "clock" | "sleep" | "signal">;
}

/** The resolution of timers; at high rates, one tick releases several items. */
const TICK_MS = 5;

/** Yields the items evenly at the rate, in chunks no larger than the input. It catches up after a delay. */
export async function* throttle<T>(
  chunks: AsyncIterable<T[]> | Iterable<T[]>,
  { perSecond, system: { clock, sleep, signal } }: ThrottleOptions,
): AsyncGenerator<T[]> {
  if (perSecond === null) return yield* chunks;
  const startedAt = clock();
  let passed = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const elapsedMs = clock() - startedAt;
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
