import { assert, assertEquals, assertRejects } from "@std/assert";
import { partitionOf } from "../../../src/commands/produce/partitioner.ts";
import { Batcher, type BatcherOptions } from "../../../src/commands/produce/batcher.ts";
import type { Outcome } from "../../../src/kafka/sender.ts";
import type { GeneratedRecord } from "../../../src/commands/produce/records.ts";

const acked = (records: GeneratedRecord[]): Outcome => {
  return { acked: records.length, failed: 0, unknown: 0, fault: null };
};

const tick = () => new Promise<void>((resolve) => setTimeout(resolve));

/** A batcher over a broker in memory, with a clock that stands still until a test sets it. */
function open(partitions: number, options: Partial<BatcherOptions & { lanes: number }> = {}) {
  const log: string[] = [];
  const sends: { partition: number; values: string[] }[] = [];
  const time = { ms: 0 };
  const lanes = { count: options.lanes ?? 1, widened: () => {} };
  const broker = {
    answer: (_records: GeneratedRecord[], _partition: number): Promise<Outcome> =>
      Promise.resolve(acked(_records)),
  };
  const size = { partitions };
  const batcher = new Batcher({
    get partitions() {
      return size.partitions;
    },
    get lanes() {
      return lanes.count;
    },
    widen: () => Promise.resolve(lanes.widened()),
    checkTopic: () => Promise.resolve(null),
    troubleOf: () => null,
    send: async (partition, records) => {
      sends.push({ partition, values: records.map(({ value }) => String(value)) });
      log.push(`send ${partition}`);
      const outcome = await broker.answer(records, partition);
      log.push(`answer ${partition}`);
      return outcome;
    },
  }, {
    batchSize: 2,
    seed: 0,
    lingerMs: 100,
    clock: () => time.ms,
    onSent: () => Promise.resolve(void log.push("onSent")),
    ...options,
  });
  return { log, sends, broker, batcher, time, size, lanes };
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
  assertEquals(sends.toSorted((a, b) => a.partition - b.partition), [
    { partition: 0, values: ["b"] },
    { partition: 1, values: ["c"] },
    { partition: 2, values: ["a", "d"] },
  ]);
});

Deno.test("Batcher has one send of a lane in flight and settles it before the next", async () => {
  const { batcher, log } = open(2, { batchSize: 1 });
  await add(batcher, null, ["a", "b", "c", "d", "e"]);
  await batcher.close();
  assertEquals(
    log.map((line) => line.split(" ")[0]),
    Array(5).fill(["send", "answer", "onSent"]).flat(),
  );
});

Deno.test("Batcher fills a batch while its lane is busy, up to the largest size", async () => {
  const { batcher, sends, broker } = open(1, { batchSize: 10_000 });
  const answer = Promise.withResolvers<Outcome>();
  broker.answer = () => answer.promise;
  const values = Array.from({ length: 12_500 }, (_, i) => `${i}`);
  await add(batcher, null, values);
  assertEquals(sends.map(({ values }) => values.length), [1_000]);
  answer.resolve(acked([]));
  await batcher.close();
  assertEquals(sends.map(({ values }) => values.length), [1_000, 10_000, 1_500]);
  assertEquals(sends.flatMap(({ values }) => values), values);
});

Deno.test("a lane that gets no answer does not hold up the others, until too much waits", async () => {
  const { batcher, sends, broker } = open(2, { lanes: 2 });
  const answer = Promise.withResolvers<Outcome>();
  broker.answer = (records, partition) =>
    partition === 0 ? answer.promise : Promise.resolve(acked(records));
  const large = "x".repeat(100_000);
  let added = 0;
  let blocked: Promise<void> | null = null;
  while (!blocked) {
    blocked = batcher.add({ key: null, value: large }, 0);
    added++;
    await tick();
  }
  assertEquals(sends.filter(({ partition }) => partition === 0).length, 1);
  assert(sends.filter(({ partition }) => partition === 1).length > 15, `${sends.length}`);
  answer.resolve(acked([]));
  await blocked;
  await batcher.close();
  assertEquals(sends.flatMap(({ values }) => values).length, added);
});

Deno.test("when no send is answered, the batcher adds lanes for the other partitions", async () => {
  const { batcher, sends, broker, time, lanes } = open(4, { lanes: 2, batchSize: 1 });
  const answer = Promise.withResolvers<Outcome>();
  broker.answer = (records, partition) =>
    partition < 3 ? answer.promise : Promise.resolve(acked(records));
  lanes.widened = () => lanes.count *= 2;
  await add(batcher, null, ["a", "b", "c", "d"]);
  const partitions = () => sends.map(({ partition }) => partition);
  assertEquals([partitions(), batcher.dueMs], [[0, 1], 1_000]);
  time.ms = 999;
  batcher.sendDue();
  assertEquals(lanes.count, 2, "too early");
  time.ms = 1_000;
  batcher.sendDue();
  await batcher.landing;
  assertEquals([partitions(), lanes.count], [[0, 1, 2, 3], 4]);
  await tick();
  await add(batcher, null, ["e", "f", "g", "h"]);
  assertEquals(partitions(), [0, 1, 2, 3, 3], "one send at a time to each partition");
  answer.resolve(acked([]));
  await batcher.close();
  assertEquals(sends.flatMap(({ values }) => values).toSorted(), [..."abcdefgh"]);
});

Deno.test("lanes that are added do not put more bytes in flight", async () => {
  const { batcher, sends, broker, time, lanes } = open(12, { lanes: 4, batchSize: 1 });
  const answer = Promise.withResolvers<Outcome>();
  broker.answer = () => answer.promise;
  lanes.widened = () => lanes.count *= 2;
  for (let i = 0; i < 5; i++) batcher.add({ key: null, value: "x".repeat(1_000_000) }, 0);
  time.ms = 10_000;
  batcher.sendDue();
  assertEquals([sends.length, lanes.count, batcher.dueMs], [4, 4, Infinity]);
  answer.resolve(acked([]));
  await batcher.close();
  assertEquals(sends.length, 5);
});

Deno.test("Batcher uses partitions that are added, for new records", async () => {
  const { batcher, sends, size } = open(2);
  await add(batcher, "22", ["a"]);
  size.partitions = 12;
  await add(batcher, "22", ["b"]);
  await batcher.close();
  const [before, after] = [partitionOf("22", 2), partitionOf("22", 12)];
  assert(before !== after);
  assertEquals(sends.toSorted((a, b) => (a.values[0]! < b.values[0]! ? -1 : 1)), [
    { partition: before, values: ["a"] },
    { partition: after, values: ["b"] },
  ]);
});

Deno.test("Batcher sends what is due and leaves the rest", async () => {
  const { batcher, sends, time } = open(2, { batchSize: 10 });
  await add(batcher, null, ["a"], 1_000);
  await add(batcher, null, ["b"], 1_050);
  assertEquals(batcher.dueMs, 1_100);
  time.ms = 1_100;
  batcher.sendDue();
  assertEquals(batcher.dueMs, 2_100, "the lane is busy: another one is needed if it takes long");
  await batcher.landing;
  assertEquals(sends, [{ partition: 0, values: ["a"] }]);
  assertEquals(batcher.dueMs, 1_150);
  await batcher.close();
  assertEquals(batcher.dueMs, Infinity);
});

Deno.test("Batcher closes a batch before its bytes pass 1 MB, headers included", async () => {
  const { batcher, sends } = open(1, { batchSize: 10 });
  const large = "x".repeat(600_000);
  await batcher.add({ key: null, value: large }, 0);
  await batcher.add({ key: null, value: "small", headers: { pad: large } }, 0);
  await batcher.add({ key: null, value: large + large }, 0);
  await batcher.add({ key: null, value: "last" }, 0);
  await batcher.close();
  assertEquals(sends.map(({ values }) => values.map(({ length }) => length)), [
    [600_000],
    [5],
    [1_200_000],
    [4],
  ]);
});

Deno.test("Batcher sends nothing more after a send that did not succeed", async () => {
  const { batcher, broker, log } = open(1);
  broker.answer = () => {
    const fault = { code: "CODE", kind: "temporary", reason: "no answer", hint: "" } as const;
    return Promise.resolve({ acked: 0, failed: 0, unknown: 2, fault });
  };
  await add(batcher, null, ["a", "b", "c", "d", "e", "f", "g"]);
  await batcher.close();
  assertEquals(log, ["send 0", "answer 0", "onSent"]);
});

Deno.test("Batcher reports one send at a time, in every lane", async () => {
  let running = 0;
  let most = 0;
  const { batcher } = open(3, {
    lanes: 3,
    onSent: async () => {
      most = Math.max(most, ++running);
      await tick();
      running--;
    },
  });
  await add(batcher, null, Array.from({ length: 30 }, (_, i) => `${i}`));
  await batcher.close();
  assertEquals([most, running], [1, 0]);
});

Deno.test("Batcher throws the error of the sender to its caller", async () => {
  const { batcher, broker } = open(1);
  broker.answer = () => Promise.reject(new Error("bug"));
  await add(batcher, null, ["a", "b"]);
  await tick();
  await assertRejects(() => batcher.add({ key: null, value: "c" }, 0)!, Error, "bug");
  await assertRejects(() => batcher.close(), Error, "bug");
});
