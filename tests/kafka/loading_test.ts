import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Kafka } from "kafkajs";
import { type BatchHandler, readTopic } from "../../src/kafka/reader.ts";

// As kafkajs throws them; that a new cluster answers so was seen on Kafka 4.3.1.
const crash = (type: string) => Object.assign(new Error(type), { type });

/** A client whose consumers end at their start, one after the other, in these ways; then the signal ends. */
function clientOf(ends: Error[], stop: AbortController) {
  let members = 0;
  const consumer = () => {
    const end = ends[members++];
    return {
      events: {},
      on: () => {},
      connect: () => Promise.resolve(),
      subscribe: () => Promise.resolve(),
      run: () => {
        if (!end) stop.abort();
        return end ? Promise.reject(end) : Promise.resolve();
      },
      disconnect: () => Promise.resolve(),
    };
  };
  return { kafka: { consumer } as unknown as Kafka, members: () => members };
}

const options = {
  topic: "t",
  topicId: null,
  groupId: "g",
  destination: null,
  sessionTimeoutMs: 45_000,
  rack: null,
  waitMs: 200,
  minBytes: 1,
  concurrency: 1,
  ranges: () => Promise.resolve(new Map()),
};

Deno.test("readTopic() joins again while the group's coordinator is loading", async () => {
  const stop = new AbortController();
  const loading = crash("GROUP_LOAD_IN_PROGRESS");
  const { kafka, members } = clientOf([loading, loading], stop);
  await readTopic(kafka, {} as BatchHandler, options, stop.signal);
  assertEquals(members(), 3);
});

Deno.test("readTopic() leaves every other failure to its caller", async () => {
  const stop = new AbortController();
  const { kafka, members } = clientOf([crash("GROUP_AUTHORIZATION_FAILED")], stop);
  await assertRejects(() => readTopic(kafka, {} as BatchHandler, options, stop.signal), Error);
  assertEquals(members(), 1);
});

Deno.test("readTopic() ends when it is stopped, although the group admits no member and the broker does not answer", async () => {
  const stop = new AbortController();
  const never = () => new Promise<void>(() => {});
  const consumer = () => ({
    events: {},
    on: () => {},
    connect: () => Promise.resolve(),
    subscribe: () => Promise.resolve(),
    run: () => {
      stop.abort();
      return never();
    },
    disconnect: never,
  });
  const kafka = { consumer } as unknown as Kafka;
  const startedAt = performance.now();
  await readTopic(kafka, {} as BatchHandler, options, stop.signal);
  // After ten seconds the process would be ended with a failure.
  assert(performance.now() - startedAt < 9_500);
});
