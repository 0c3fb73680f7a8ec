import { assertEquals, assertRejects } from "@std/assert";
import { partitionOf } from "../../../src/commands/produce/partitioner.ts";
import {
  Batcher,
  type BatcherOptions,
  type Outcome,
} from "../../../src/commands/produce/batcher.ts";
import type { Outgoing } from "../../../src/commands/produce/records.ts";

const acked = (records: Outgoing[]): Outcome => {
  return { acked: records.length, failed: 0, unknown: 0, fault: null };
};

/** An outbox over a broker in memory. */
function open(partitions: number, options: Partial<BatcherOptions> = {}) {
  const log: string[] = [];
  const sends: { partition: number; values: string[] }[] = [];
  const broker = {
    answer: (records: Outgoing[]): Promise<Outcome> => Promise.resolve(acked(records)),
  };
  const outbox = new Batcher({
    partitions,
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
    settled: () => Promise.resolve(void log.push("settled")),
    ...options,
  });
  return { log, sends, broker, outbox };
}

async function add(outbox: Batcher, key: string | null, values: string[], nowMs = 0) {
  for (const value of values) await outbox.add({ key, value }, nowMs);
}

Deno.test("Outbox sends a key's records in order to the partition of the Java client", async () => {
  const { outbox, sends } = open(12);
  await add(outbox, "21", ["a", "b", "c"]);
  await outbox.close();
  const partition = partitionOf("21", 12);
  assertEquals(sends, [{ partition, values: ["a", "b"] }, { partition, values: ["c"] }]);
});

Deno.test("Outbox deals records without a key round the partitions, from a place the seed chose", async () => {
  const { outbox, sends } = open(3, { seed: 5 });
  await add(outbox, null, ["a", "b", "c", "d"]);
  await outbox.close();
  assertEquals(sends, [
    { partition: 0, values: ["b"] },
    { partition: 1, values: ["c"] },
    { partition: 2, values: ["a", "d"] },
  ]);
});

Deno.test("Outbox has one send in flight and settles it before the next", async () => {
  const { outbox, log } = open(2, { batchSize: 1 });
  await add(outbox, null, ["a", "b", "c", "d", "e"]);
  await outbox.close();
  assertEquals(log, Array(5).fill(["send", "answer", "settled"]).flat());
});

Deno.test("Outbox takes records while a send is in flight", async () => {
  const system = open(1);
  const answer = Promise.withResolvers<Outcome>();
  system.broker.answer = () => answer.promise;
  await add(system.outbox, null, ["a", "b", "c", "d"]);
  assertEquals(system.sends.length, 1);
  const blocked = system.outbox.add({ key: null, value: "e" }, 0)!;
  answer.resolve({ acked: 2, failed: 0, unknown: 0, fault: null });
  await blocked;
  assertEquals(system.sends.map(({ values }) => values), [["a", "b"], ["c", "d"]]);
  await system.outbox.close();
});

Deno.test("Outbox sends what is due and leaves the rest", async () => {
  const { outbox, sends } = open(2, { batchSize: 10 });
  await add(outbox, null, ["a"], 1_000);
  await add(outbox, null, ["b"], 1_050);
  assertEquals(outbox.dueMs, 1_100);
  await outbox.sendDue(1_100);
  assertEquals(sends, [{ partition: 0, values: ["a"] }]);
  assertEquals(outbox.dueMs, 1_150);
  await outbox.close();
  assertEquals(outbox.dueMs, Infinity);
});

Deno.test("Outbox closes a batch before its bytes pass half a MiB, headers included", async () => {
  const { outbox, sends } = open(1, { batchSize: 10 });
  const large = "x".repeat(300_000);
  await outbox.add({ key: null, value: large }, 0);
  await outbox.add({ key: null, value: "small", headers: { pad: large } }, 0);
  await outbox.add({ key: null, value: large + large }, 0);
  await outbox.add({ key: null, value: "last" }, 0);
  await outbox.close();
  assertEquals(sends.map(({ values }) => values.map(({ length }) => length)), [
    [300_000],
    [5],
    [600_000],
    [4],
  ]);
});

Deno.test("Outbox sends nothing more after a send that did not succeed", async () => {
  const system = open(1);
  system.broker.answer = () => {
    const fault = { kind: "temporary", reason: "no answer", fix: "" } as const;
    return Promise.resolve({ acked: 0, failed: 0, unknown: 2, fault });
  };
  await add(system.outbox, null, ["a", "b", "c", "d", "e", "f", "g"]);
  await system.outbox.close();
  assertEquals(system.log, ["send", "answer", "settled"]);
});

Deno.test("Outbox throws what the sender throws to whoever waits", async () => {
  const system = open(1);
  system.broker.answer = () => Promise.reject(new Error("bug"));
  await add(system.outbox, null, ["a", "b", "c"]);
  await assertRejects(() => system.outbox.close(), Error, "bug");
});
