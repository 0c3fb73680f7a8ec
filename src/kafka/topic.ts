import { type Admin, ConfigResourceTypes, type Kafka, type PartitionMetadata } from "kafkajs";
import { atMost } from "./deadline.ts";
import { isUnled } from "./causes.ts";
import { type Range, recreated } from "../record/offsets.ts";

/** Administration of one topic. */
export interface Topic {
  clusterId(): Promise<string>;
  /** Kafka's id of the topic; null if its brokers are older than Kafka 3.1. */
  id(): Promise<string | null>;
  /** By partition; fails when the topic does not exist, or when it has been recreated since the first call. */
  ranges(): Promise<Map<number, Range>>;
  /** By partition, the first offset whose record is not older than `ms` since 1970; the end if there is none. */
  offsetsAt(ms: number): Promise<Map<number, number>>;
  /** Whether its cleanup.policy contains "compact"; false if the user may not read it. */
  isCompacted(): Promise<boolean>;
  /** If the topic already exists, `partitions` is its actual number. */
  createTopic(
    how: { partitions: number; replication: number | null },
  ): Promise<{ created: boolean; partitions: number }>;
  /** By partition, the offsets that the group has committed. */
  committed(group: string): Promise<Map<number, number>>;
  /** Removes an empty group; ignores a failure. */
  forgetGroup(group: string): Promise<void>;
  close(): Promise<void>;
}

/** With the topic's id from patches/metadata.ts. */
export type Partition = PartitionMetadata & { topicId?: string };

const POLICY = "cleanup.policy";
const ATTEMPTS_MAX = 100;
/** kafkajs waits for the answers to all requests, and a silent broker gives none. */
const CLOSE_MS = 2_000;
const RETRY_MS = 100;

/** Opens an administrative connection for one topic. */
export async function openTopic(kafka: Kafka, topic: string): Promise<Topic> {
  const admin = kafka.admin();
  await admin.connect();
  let knownId: string | null = null;
  const fetchId = async () => {
    const [partition] = await fetchPartitions(admin, topic);
    const id = partition?.topicId ?? null;
    if (knownId && id && knownId !== id) throw recreated(topic, knownId, id);
    return knownId ??= id;
  };
  return {
    clusterId: async () => (await admin.describeCluster()).clusterId,
    id: fetchId,
    ranges: async () => {
      // One metadata look-up first: fetchTopicOffsets() retries an unknown topic for seconds.
      await fetchId();
      const offsets = await admin.fetchTopicOffsets(topic);
      return new Map(
        offsets.map(({ partition, low, high }) => [partition, { low: +low, high: +high }]),
      );
    },
    offsetsAt: async (ms) => {
      const offsets = await admin.fetchTopicOffsetsByTimestamp(topic, ms);
      return new Map(offsets.map(({ partition, offset }) => [partition, +offset]));
    },
    isCompacted: async () => {
      const wanted = { type: ConfigResourceTypes.TOPIC, name: topic, configNames: [POLICY] };
      const request = { resources: [wanted], includeSynonyms: false };
      const { resources } = await admin.describeConfigs(request).catch(() => ({ resources: [] }));
      const entries = resources.flatMap(({ configEntries }) => configEntries);
      return entries.some(({ configValue }) => configValue.includes("compact"));
    },
    committed: async (groupId) => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      const offsets = found?.partitions ?? [];
      // For a partition without one the broker answers -1.
      return new Map(
        offsets.map(({ partition, offset }): [number, number] => [partition, Number(offset)])
          .filter(([, offset]) => offset >= 0),
      );
    },
    createTopic: (how) => createTopic(admin, topic, how),
    forgetGroup: async (group) => {
      await admin.deleteGroups([group]).catch(() => {});
    },
    close: () => atMost(CLOSE_MS, admin.disconnect()),
  };
}

/** The partitions of a topic with their leaders; fails when the topic does not exist. */
export async function fetchPartitions(admin: Admin, topic: string): Promise<Partition[]> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]!.partitions;
  } catch (error) {
    // kafkajs reads the answer even when no broker has answered.
    if (!(error instanceof TypeError)) throw error;
    throw Object.assign(new Error("Connection timeout"), { name: "KafkaJSConnectionError" });
  }
}

async function createTopic(
  admin: Admin,
  topic: string,
  { partitions, replication }: { partitions: number; replication: number | null },
): Promise<{ created: boolean; partitions: number }> {
  const created = await admin.createTopics({
    topics: [{ topic, numPartitions: partitions, replicationFactor: replication ?? -1 }],
    waitForLeaders: false,
  });
  if (!created) return { created, partitions: (await fetchPartitions(admin, topic)).length };
  await awaitLeaders(admin, topic);
  return { created, partitions };
}

/**
 * Waits until a new topic can be used: at first the brokers do not know it, then it has no leaders. The option
 * `waitForLeaders` of kafkajs fails while the topic is unknown.
 */
export async function awaitLeaders(admin: Admin, topic: string): Promise<void> {
  for (let attempts = 1;; attempts++) {
    try {
      const partitions = await fetchPartitions(admin, topic);
      const led = partitions.every(({ leader }) => leader >= 0);
      // The new leader itself may not know yet that it leads.
      if (led) await admin.fetchTopicOffsets(topic);
      if (led || attempts >= ATTEMPTS_MAX) return;
    } catch (error) {
      if (!isUnled(error) || attempts >= ATTEMPTS_MAX) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** What the sender must know about its topic; `id` is null if the brokers do not know topic ids. */
export interface SenderTopic {
  partitions: number;
  id: string | null;
}

/** Whether both are the same topic: an id that one side does not know proves nothing. */
export function isSameTopic({ id: a }: SenderTopic, { id: b }: SenderTopic): boolean {
  return !a || !b || a === b;
}
