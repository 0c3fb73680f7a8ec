import { assertEquals } from "@std/assert";
import { History } from "../../../../src/commands/consume/live/history.ts";
import type { Step } from "../../../../src/postgres/store.ts";

function step(records: number, offsets: number[] = [], text = "wrong"): Step {
  const rejects = offsets.map((offset) => ({
    ...{ offset, code: "schema" as const, path: "userID", reason: text },
    message: {} as Step["messages"][0],
  }));
  const messages = Array.from({ length: records }, () => ({}) as Step["messages"][0]);
  const points = { offsets: [], userIDs: [], timestamps: [], latitudes: [], longitudes: [] };
  return {
    source: 3,
    from: 0,
    to: records,
    messages,
    validated: { points, rejects, tombstones: 0 },
  };
}

Deno.test("the history counts records in 120 intervals of five seconds, without the current one", () => {
  let nowMs = 50_000;
  const history = new History(() => nowMs);
  history.settled(step(3));
  history.settled(step(4));
  nowMs = 55_000;
  history.settled(step(5));
  assertEquals(history.counts.length, 120);
  assertEquals(history.counts.slice(-2), [0, 7]);
  nowMs = 65_000;
  assertEquals(history.counts.slice(-3), [7, 5, 0]);
  nowMs = 50_000 + 600_000;
  assertEquals(history.counts.slice(0, 2), [7, 5]);
  nowMs += 5_000;
  assertEquals(history.counts.slice(0, 2), [5, 0]);
});

Deno.test("the history keeps the last twenty rejects, newest first, with texts of a limited length", () => {
  const history = new History(() => 0);
  history.settled(step(30, Array.from({ length: 30 }, (_, i) => i)));
  history.settled(step(1, [99], "x".repeat(1_000)));
  const { rejects } = history;
  assertEquals(rejects.map(({ offset }) => offset).slice(0, 3), [99, 29, 28]);
  assertEquals(rejects.length, 20);
  assertEquals(rejects[0]!.message, "x".repeat(300) + "…");
  assertEquals(Object.keys(rejects[0]!), ["source", "offset", "code", "path", "message"]);
});
