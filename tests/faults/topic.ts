import type { Kafka } from "kafkajs";
import { awaitLeaders } from "../../src/kafka/topic.ts";
import { uniqueName } from "../support/fixtures.ts";
import type { TopicRecord } from "./checker.ts";
import type { Scenario } from "./scenario.ts";

/** Creates a topic and waits until it can be used. */
export async function createTopic(
  kafka: Kafka,
  topic: string,
  partitions: number,
  configs: Record<string, string>,
): Promise<void> {
  // A new client: one that knows the topic asks for its metadata first, and fails if it was just deleted.
  const admin = kafka.admin();
  await admin.connect();
  try {
    const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
    await admin.createTopics({
      topics: [{ topic, numPartitions: partitions, configEntries }],
      waitForLeaders: false,
    });
    await awaitLeaders(admin, topic);
  } finally {
    await admin.disconnect();
  }
}

/** Reads every committed record of the topic, by partition. */
export async function readLog(
  { kafka, admin, name }: Scenario,
): Promise<Map<number, TopicRecord[]>> {
  const log = new Map<number, TopicRecord[]>();
  const left = new Map<number, number>();
  for (const { partition, low, high } of await admin.fetchTopicOffsets(name)) {
    log.set(partition, []);
    if (+high > +low) left.set(partition, +high);
  }
  if (left.size === 0) return log;
  const all = Promise.withResolvers<void>();
  const passed = (partition: number, last: string) => {
    if (Number(last) + 1 >= (left.get(partition) ?? Infinity)) left.delete(partition);
    if (left.size === 0) all.resolve();
  };
  const consumer = kafka.consumer({
    groupId: uniqueName("reader"),
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    passed(payload.partition, payload.lastOffset);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => all.reject(payload.error));
  await consumer.connect();
  await consumer.subscribe({ topic: name, fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch: { partition, messages } }) => {
      for (const { offset, value } of messages) {
        log.get(partition)!.push({ offset: Number(offset), value });
      }
      return Promise.resolve();
    },
  });
  await all.promise;
  await consumer.disconnect();
  return log;
}
