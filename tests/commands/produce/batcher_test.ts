import { assertEquals, assertRejects } from "@std/assert";
import { partitionOf } from "../../../src/commands/produce/partitioner.ts";
import { Batcher, type BatcherOptions } from "../../../src/commands/produce/batcher.ts";
import type { Outcome } from "../../../src/kafka/sender.ts";
import type { GeneratedRecord } from "../../../src/commands/produce/records.ts";

const acked = (records: GeneratedRecord[]): Outcome => {
  return { acked: records.length, failed: 0, unknown: 0, fault: null };
};

/** A batcher over a broker in memory. */
function open(partitions: number, options: Partial<BatcherOptions> = {}) {
  const log: string[] = [];
  const sends: { partition: number; values: string[] }[] = [];
  const broker = {
    answer: (records: GeneratedRecord[]): Promise<Outcome> => Promise.resolve(acked(records)),
  };
  const batcher = new Batcher({
    partitions,
    checkTopic: () => Promise.resolve(null),
    send: async (partition, records) => {
      sends.push({ partition, values: records.map(({ value }) => String(value)) });
      log.push("send");
      const outcome = await broker.answer(records);
      log.push("answer");
      return outcome;
    },
  }, {
    batchSize: 2,
    seed: 0,
    lingerMs: 100,
    onSent: () => Promise.resolve(void log.push("onSent")),
    ...options,
  });
  return { log, sends, broker, batcher };
}

async function add(batcher: Batcher, key: string | null, values: string[], nowMs = 0) {
  for (const value of values) await batcher.add({ key, value }, nowMs);
}

Deno.test("Batcher sends a key's records in order to the partition of the Java client", async () => {
  const { batcher, sends } = open(12);
  await add(batcher, "21", ["a", "b", "c"]);
  await batcher.close();
  const partition = partitionOf("21", 12);
  assertEquals(sends, [{ partition, values: ["a", "b"] }, { partition, values: ["c"] }]);
});

Deno.test("Batcher deals records without a key round the partitions, from a place the seed chose", async () => {
  const { batcher, sends } = open(3, { seed: 5 });
  await add(batcher, null, ["a", "b", "c", "d"]);
  await batcher.close();
  assertEquals(sends, [
    { partition: 0, values: ["b"] },
    { partition: 1, values: ["c"] },
    { partition: 2, values: ["a", "d"] },
  ]);
});

Deno.test("Batcher has one send in flight and settles it before the next", async () => {
  const { batcher, log } = open(2, { batchSize: 1 });
  await add(batcher, null, ["a", "b", "c", "d", "e"]);
  await batcher.close();
  assertEquals(log, Array(5).fill(["send", "answer", "onSent"]).flat());
});

Deno.test("Batcher takes records while a send is in flight", async () => {
  const system = open(1);
  const answer = Promise.withResolvers<Outcome>();
  system.broker.answer = () => answer.promise;
  await add(system.batcher, null, ["a", "b", "c", "d"]);
  assertEquals(system.sends.length, 1);
  const blocked = system.batcher.add({ key: null, value: "e" }, 0)!;
  answer.resolve({ acked: 2, failed: 0, unknown: 0, fault: null });
  await blocked;
  assertEquals(system.sends.map(({ values }) => values), [["a", "b"], ["c", "d"]]);
  await system.batcher.close();
});

Deno.test("Batcher sends what is due and leaves the rest", async () => {
  const { batcher, sends } = open(2, { batchSize: 10 });
  await add(batcher, null, ["a"], 1_000);
  await add(batcher, null, ["b"], 1_050);
  assertEquals(batcher.dueMs, 1_100);
  await batcher.sendDue(1_100);
  assertEquals(sends, [{ partition: 0, values: ["a"] }]);
  assertEquals(batcher.dueMs, 1_150);
  await batcher.close();
  assertEquals(batcher.dueMs, Infinity);
});

Deno.test("Batcher closes a batch before its bytes pass half a MiB, headers included", async () => {
  const { batcher, sends } = open(1, { batchSize: 10 });
  const large = "x".repeat(300_000);
  await batcher.add({ key: null, value: large }, 0);
  await batcher.add({ key: null, value: "small", headers: { pad: large } }, 0);
  await batcher.add({ key: null, value: large + large }, 0);
  await batcher.add({ key: null, value: "last" }, 0);
  await batcher.close();
  assertEquals(sends.map(({ values }) => values.map(({ length }) => length)), [
    [300_000],
    [5],
    [600_000],
    [4],
  ]);
});

Deno.test("Batcher sends nothing more after a send that did not succeed", async () => {
  const system = open(1);
  system.broker.answer = () => {
    const fault = { code: "CODE", kind: "temporary", reason: "no answer", hint: "" } as const;
    return Promise.resolve({ acked: 0, failed: 0, unknown: 2, fault });
  };
  await add(system.batcher, null, ["a", "b", "c", "d", "e", "f", "g"]);
  await system.batcher.close();
  assertEquals(system.log, ["send", "answer", "onSent"]);
});

Deno.test("Batcher throws the error of the sender to its caller", async () => {
  const system = open(1);
  system.broker.answer = () => Promise.reject(new Error("bug"));
  await add(system.batcher, null, ["a", "b", "c"]);
  await assertRejects(() => system.batcher.close(), Error, "bug");
});
