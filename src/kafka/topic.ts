import { type Admin, ConfigResourceTypes, type Kafka, type PartitionMetadata } from "kafkajs";
import { isUnled } from "./errors.ts";
import type { Range } from "../record/offsets.ts";

/** The topic as the cluster shows it. */
export interface Topic {
  clusterId(): Promise<string>;
  /** By partition; fails when the topic does not exist. */
  ranges(): Promise<Map<number, Range>>;
  /** By partition, the first offset whose record is not older than `ms` since 1970; the end if there is none. */
  offsetsAt(ms: number): Promise<Map<number, number>>;
  /** Whether its cleanup.policy has "compact"; where it may not be asked, no. */
  isCompacted(): Promise<boolean>;
  /** Of a topic that is there already, `partitions` are those that it has. */
  createTopic(
    how: { partitions: number; replication: number | null },
  ): Promise<{ created: boolean; partitions: number }>;
  /** Removes an empty group; a failure is no matter. */
  forgetGroup(group: string): Promise<void>;
  close(): Promise<void>;
}

const POLICY = "cleanup.policy";
const LOOKS_MAX = 100;
const LOOK_AGAIN_MS = 100;

/** Opens an administrative connection for one topic. */
export async function openTopic(kafka: Kafka, topic: string): Promise<Topic> {
  const admin = kafka.admin();
  await admin.connect();
  return {
    clusterId: async () => (await admin.describeCluster()).clusterId,
    ranges: async () => {
      // One metadata look-up first: fetchTopicOffsets() retries an unknown topic for seconds.
      await fetchPartitions(admin, topic);
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
    createTopic: (how) => createTopic(admin, topic, how),
    forgetGroup: async (group) => {
      await admin.deleteGroups([group]).catch(() => {});
    },
    close: () => admin.disconnect(),
  };
}

/** The partitions of a topic, and who leads them; fails when the topic does not exist. */
export async function fetchPartitions(admin: Admin, topic: string): Promise<PartitionMetadata[]> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]!.partitions;
  } catch (error) {
    // Where no broker answered, kafkajs reads the answer all the same.
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
 * Waits until a new topic can be used: it is unknown for a moment, and then without leaders. kafkajs's own
 * `waitForLeaders` fails at the first.
 */
export async function awaitLeaders(admin: Admin, topic: string): Promise<void> {
  for (let looks = 1;; looks++) {
    try {
      const partitions = await fetchPartitions(admin, topic);
      const led = partitions.every(({ leader }) => leader >= 0);
      // A broker that the cluster has named may not know yet that it leads.
      if (led) await admin.fetchTopicOffsets(topic);
      if (led || looks >= LOOKS_MAX) return;
    } catch (error) {
      if (!isUnled(error) || looks >= LOOKS_MAX) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}
