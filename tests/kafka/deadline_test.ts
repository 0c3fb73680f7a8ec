import { assert, assertEquals } from "@std/assert";
import { Deadline } from "../../src/kafka/deadline.ts";

const never = new Promise<string>(() => {});

Deno.test("Deadline returns the result of the work", async () => {
  const { signal } = new AbortController();
  const deadline = new Deadline({ ms: 10_000, signal, hurryMs: 10_000 });
  assertEquals(await deadline.race(Promise.resolve("done")), "done");
  assertEquals(deadline.passed, false);
  deadline.end();
});

Deno.test("Deadline gives up waiting when it passes", async () => {
  const { signal } = new AbortController();
  const deadline = new Deadline({ ms: 20, signal, hurryMs: 10_000 });
  assertEquals(await deadline.race(never), "late");
  assertEquals(deadline.passed, true);
  deadline.end();
});

for (const when of ["before", "after"]) {
  Deno.test(`Deadline comes sooner for a signal ${when} it was set`, async () => {
    const stop = new AbortController();
    if (when === "before") stop.abort();
    const began = performance.now();
    const deadline = new Deadline({ ms: 60_000, signal: stop.signal, hurryMs: 20 });
    if (when === "after") stop.abort();
    assertEquals(await deadline.race(never), "late");
    assert(performance.now() - began < 10_000);
    deadline.end();
  });
}

Deno.test("Deadline does not come later for a signal", async () => {
  const stop = new AbortController();
  const deadline = new Deadline({ ms: 20, signal: stop.signal, hurryMs: 60_000 });
  stop.abort();
  assertEquals(await deadline.race(never), "late");
  deadline.end();
});

Deno.test("Deadline wakes a sleeper when it passes", async () => {
  const { signal } = new AbortController();
  const deadline = new Deadline({ ms: 20, signal, hurryMs: 20 });
  await deadline.sleep(60_000);
  assertEquals(deadline.passed, true);
  deadline.end();
});
