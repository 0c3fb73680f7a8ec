/** What pacing needs of the world. */
export interface ThrottleOptions {
  /** Null: as fast as they are asked for. */
  perSecond: number | null;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** Ends early when the signal does. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

/** Timers are no finer than this; at high rates more than one item falls due in it. */
const TICK_MS = 5;

/** Hands on the items as they fall due, evenly, in chunks no larger than those given. What was late is made up for. */
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
