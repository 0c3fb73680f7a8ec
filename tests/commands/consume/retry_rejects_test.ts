import { assertEquals, assertRejects } from "@std/assert";
import { type RetryDeps, runRetry } from "../../../src/commands/consume/retry_rejects.ts";
import type { Message } from "../../../src/record/validate.ts";

class Refused extends Error {
  constructor(readonly state: string) {
    super(`refused ${state}`);
  }
}

/** Rejects in memory, by source and offset; `refuse` throws for what the database refuses. */
function memoryRejects(values: Record<number, Record<number, string>>) {
  const kept = new Map(
    Object.entries(values).map(([source, rejects]) => [
      Number(source),
      new Map(Object.entries(rejects).map(([offset, value]) => [Number(offset), value])),
    ]),
  );
  const stored = new Set<string>();
  const notes: string[] = [];
  const statements: number[][] = [];
  const stop = new AbortController();
  const system = {
    refuse: (_offsets: number[]): void => {},
    /** Called after the statement was executed. */
    after: (): void => {},
    nowMs: 0,
  };
  const postgres: RetryDeps["postgres"] = {
    sources: () => Promise.resolve([...kept.keys()].map((id) => ({ id }))),
    kept: (source, from, countMax) =>
      Promise.resolve(
        [...kept.get(source)!].filter(([offset]) => offset >= from).slice(0, countMax)
          .map(([offset, value]): Message => ({
            offset: String(offset),
            timestamp: "0",
            key: null,
            value: new TextEncoder().encode(value),
            headers: [],
          })),
      ),
    move: (source, { offsets }) =>
      Promise.resolve().then(() => {
        statements.push(offsets);
        system.refuse(offsets);
        const before = offsets.filter((offset) => stored.has(`${source}/${offset}`)).length;
        const moving = offsets.filter((offset) => kept.get(source)!.delete(offset));
        for (const offset of moving) stored.add(`${source}/${offset}`);
        system.after();
        return { moved: moving.length, before };
      }),
    remaining: () =>
      Promise.resolve({ kept: [...kept.values()].reduce((sum, { size }) => sum + size, 0) }),
    judge: (error) => {
      if (!(error instanceof Refused)) return { act: "wait", state: "" };
      return { act: error.state.startsWith("22") ? "reject" : "stop", state: error.state };
    },
    explain: (error) => new Error("explained", { cause: error }),
  };
  const deps: RetryDeps = {
    postgres,
    reporter: { note: (line) => notes.push(line), progress: () => {} },
    system: {
      clock: () => system.nowMs,
      sleep: (ms) => {
        system.nowMs += ms;
        return Promise.resolve();
      },
      random: () => 0,
      signal: stop.signal,
    },
  };
  return { deps, kept, stored, notes, statements, system, stop };
}

const GOOD = '{"userID":1,"timestamp":1.5,"coordinates":[1.5,2.5]}';

function good(from: number, count: number): Record<number, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [from + i, GOOD]));
}

Deno.test("retry moves the valid rejects of all sources and reports what remains", async () => {
  const { deps, stored, notes } = memoryRejects({
    1: { 3: GOOD, 5: "{" },
    2: { 3: "[]", 4: GOOD },
  });
  const retried = await runRetry({ batchSize: 100 }, deps);
  assertEquals([...stored], ["1/3", "2/4"]);
  assertEquals(retried, { moved: 2, remain: 2, reasons: { kept: 2 } });
  assertEquals(notes, ["moved 2 of 4 rejects into the table, 2 remain (kept 2)"]);
});

Deno.test("retry goes through all rejects once, a batch at a time", async () => {
  const { deps, statements } = memoryRejects({ 1: { ...good(0, 3), 3: "{", ...good(4, 6) } });
  await runRetry({ batchSize: 4 }, deps);
  assertEquals(statements, [[0, 1, 2], [4, 5, 6, 7], [8, 9]]);
});

Deno.test("retry leaves only what the database still refuses", async () => {
  const { deps, kept, system } = memoryRejects({ 1: good(0, 11) });
  system.refuse = (offsets) => {
    if (offsets.includes(6) || offsets.includes(7)) throw new Refused("22003");
  };
  assertEquals((await runRetry({ batchSize: 100 }, deps)).moved, 9);
  assertEquals([...kept.get(1)!.keys()], [6, 7]);
});

for (const executed of [false, true]) {
  const when = executed ? "after the statement was executed" : "before the statement arrived";
  Deno.test(`retry counts correctly when the connection is lost ${when}`, async () => {
    const { deps, system, notes } = memoryRejects({ 1: good(0, 3) });
    let cuts = 2;
    const cut = () => {
      if (cuts-- > 0) throw new Error("connection lost");
    };
    if (executed) system.after = cut;
    else system.refuse = cut;
    assertEquals((await runRetry({ batchSize: 100 }, deps)).moved, 3);
    assertEquals(notes, [
      "waiting for PostgreSQL: explained",
      "moved 3 of 3 rejects into the table, 0 remain (kept 0)",
    ]);
  });
}

Deno.test("retry does not count what another run has moved", async () => {
  const { deps, kept, stored } = memoryRejects({ 1: good(0, 3) });
  const page = deps.postgres.kept;
  deps.postgres.kept = async (...args) => {
    const messages = await page(...args);
    if (kept.get(1)!.delete(1)) stored.add("1/1");
    return messages;
  };
  assertEquals((await runRetry({ batchSize: 100 }, deps)).moved, 2);
});

Deno.test("retry waits no longer than two minutes for an unavailable database", async () => {
  const { deps, system } = memoryRejects({ 1: good(0, 3) });
  system.refuse = () => {
    throw new Error("connection lost");
  };
  await assertRejects(() => runRetry({ batchSize: 100 }, deps), Error, "explained");
  assertEquals(system.nowMs > 120_000 && system.nowMs < 130_000, true);
});

Deno.test("retry stops on an error that waiting cannot fix", async () => {
  const { deps, system, statements } = memoryRejects({ 1: good(0, 3) });
  system.refuse = () => {
    throw new Refused("42P01");
  };
  await assertRejects(() => runRetry({ batchSize: 100 }, deps), Error, "explained");
  assertEquals(statements.length, 1);
});

Deno.test("retry finishes the current batch when the signal aborts", async () => {
  const { deps, statements, system, stop } = memoryRejects({ 1: good(0, 9), 2: good(0, 9) });
  system.after = () => stop.abort();
  await runRetry({ batchSize: 3 }, deps);
  assertEquals(statements, [[0, 1, 2]]);
});
