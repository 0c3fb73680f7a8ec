import { assertEquals } from "@std/assert";
import { throttle } from "../../../src/commands/produce/throttle.ts";

/** A clock that advances only in sleep(), and by `late` at each item taken. */
function optionsFor(perSecond: number | null, late = 0) {
  const stop = new AbortController();
  let nowMs = 5_000;
  return {
    perSecond,
    system: {
      clock: () => nowMs,
      sleep: (ms: number) => Promise.resolve(void (nowMs += ms)),
      signal: stop.signal,
    },
    stop,
    lose: () => nowMs += late,
  };
}

async function arrivals(chunks: number[][], options: ReturnType<typeof optionsFor>) {
  const startedAt = options.system.clock();
  const seen: [item: number, ms: number][] = [];
  for await (const items of throttle(chunks, options)) {
    for (const item of items) seen.push([item, options.system.clock() - startedAt]);
    options.lose();
  }
  return seen;
}

Deno.test("throttle() without a rate passes chunks on unchanged", async () => {
  const chunks = [];
  for await (const chunk of throttle([[1, 2], [3]], optionsFor(null))) chunks.push(chunk);
  assertEquals(chunks, [[1, 2], [3]]);
});

Deno.test("throttle() spreads items evenly, the first at once", async () => {
  const seen = await arrivals([[1, 2, 3], [4]], optionsFor(10));
  assertEquals(seen, [[1, 0], [2, 100], [3, 200], [4, 300]]);
});

Deno.test("throttle() makes up for lost time and no more", async () => {
  const seen = await arrivals([[1, 2, 3, 4, 5, 6]], optionsFor(10, 250));
  assertEquals(seen.map(([item]) => item), [1, 2, 3, 4, 5, 6]);
  assertEquals(seen.map(([, ms]) => ms), [0, 250, 250, 500, 500, 500]);
});

Deno.test("throttle() releases several items in one timer tick at high rates", async () => {
  const seen = await arrivals([Array.from({ length: 1_000 }, (_, i) => i)], optionsFor(100_000));
  assertEquals(seen.length, 1_000);
  assertEquals(seen.at(-1)![1], 10);
});

Deno.test("throttle() ends when the signal aborts", async () => {
  const options = optionsFor(10);
  const seen = [];
  for await (const items of throttle([[1, 2, 3]], options)) {
    seen.push(...items);
    if (seen.length === 2) options.stop.abort();
  }
  assertEquals(seen, [1, 2]);
});
