/** A clock that jumps to the next wake-up as soon as no other work is left. */
export function fakeClock(startMs = 0) {
  let nowMs = startMs;
  const sleepers = new Set<{ atMs: number; wake: () => void }>();
  const sleep = (ms: number, signal: AbortSignal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const sleeper = { atMs: nowMs + ms, wake: resolve };
    if (signal.aborted) return Promise.resolve();
    sleepers.add(sleeper);
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise.finally(() => sleepers.delete(sleeper));
  };
  // A macrotask runs when all other work is done.
  const timer = setInterval(() => {
    const [first] = [...sleepers].sort((a, b) => a.atMs - b.atMs);
    if (!first) return;
    nowMs = Math.max(nowMs, first.atMs);
    first.wake();
  }, 0);
  return { now: () => nowMs, sleep, close: () => clearInterval(timer) };
}
