import { type Admin, ConfigResourceTypes, type Kafka, type PartitionMetadata } from "kafkajs";
import { type Cluster, createCluster, type OffsetQuery } from "./cluster.ts";
import { atMost } from "./deadline.ts";
import { OperationalError } from "../errors.ts";
import { formatMany } from "../units.ts";
import { causes, isUnled } from "./causes.ts";
import { fetchMembers, type Member, untilSettled } from "./group.ts";
import { BadAnswer } from "./patches/bad_answers.ts";
import { type Range, recreated } from "../record/offsets.ts";

/** Administration of one topic. */
export interface Topic {
  clusterId(): Promise<string>;
  /** The topic as it is now. */
  describe(): Promise<SenderTopic>;
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
  /** The members of a group, with their partitions of the topic. */
  members(group: string): Promise<Member[]>;
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
const REFRESH_ATTEMPTS = 3;

/** Opens a connection for one topic; a second one is opened when its administration is needed. */
export async function openTopic(kafka: Kafka, topic: string): Promise<Topic> {
  const cluster = createCluster(kafka);
  cluster.targetTopics.add(topic);
  await cluster.connect();
  let admin: Promise<Admin> | null = null;
  const openAdmin = () => admin ??= connected(kafka.admin());
  let knownId: string | null = null;
  let known: Partition[] = [];
  /** Asks for the partitions, and so for the id of the topic and of the cluster. */
  const ask = async (): Promise<Partition[]> => {
    await refresh(cluster);
    return cluster.findTopicPartitionMetadata(topic);
  };
  const look = async (): Promise<Partition[]> => {
    const partitions = await ask();
    const { id } = topicOf(partitions);
    if (knownId && id && knownId !== id) throw recreated(topic, knownId, id);
    knownId ??= id;
    return known = partitions;
  };
  const offsetsOf = async (partitions: Partition[], query: OffsetQuery) => {
    const wanted = partitions.map(({ partitionId: partition }) => ({ partition }));
    const found = await cluster.fetchTopicsOffset([{ topic, partitions: wanted, ...query }]);
    const answers = found.find((one) => one.topic === topic)?.partitions ?? [];
    const offsets = new Map(answers.map(({ partition, offset }) => [partition, Number(offset)]));
    const missing = wanted.find(({ partition }) => !offsets.has(partition));
    if (missing) throw new BadAnswer(`it has no offset of partition ${missing.partition}`);
    return offsets;
  };
  const ends = (partitions: Partition[]) => offsetsOf(partitions, { fromBeginning: false });
  const bounds = (partitions: Partition[]) =>
    Promise.all([offsetsOf(partitions, { fromBeginning: true }), ends(partitions)]);
  return {
    clusterId: async () => {
      if (!cluster.brokerPool.metadata) await look();
      return cluster.brokerPool.metadata!.clusterId;
    },
    describe: async () => topicOf(await ask()),
    id: async () => {
      if (!knownId) await look();
      return knownId;
    },
    ranges: async () => {
      const before = known;
      // The leaders are mostly those of the last time, so both questions are asked in one round trip.
      const early = before.length > 0 ? bounds(before) : null;
      early?.catch(() => {});
      const partitions = await look();
      const [lows, highs] = early && hasSameLeaders(before, partitions)
        ? await early
        : await bounds(partitions);
      return new Map([...highs].map(([partition, high]) => {
        return [partition, { low: lows.get(partition)!, high }];
      }));
    },
    offsetsAt: async (ms) => {
      const partitions = await look();
      const [offsets, highs] = await Promise.all([
        offsetsOf(partitions, { fromTimestamp: ms }),
        ends(partitions),
      ]);
      // -1: all records are older.
      return new Map([...offsets].map(([partition, offset]) => {
        return [partition, offset >= 0 ? offset : highs.get(partition)!];
      }));
    },
    isCompacted: async () => {
      const wanted = { type: ConfigResourceTypes.TOPIC, name: topic, configNames: [POLICY] };
      const request = { resources: [wanted], includeSynonyms: false };
      const { resources } = await openAdmin().then((admin) => admin.describeConfigs(request))
        .catch(() => ({ resources: [] }));
      const entries = resources.flatMap(({ configEntries }) => configEntries);
      return entries.some(({ configValue }) => configValue.includes("compact"));
    },
    committed: async (groupId) => {
      const admin = await openAdmin();
      const asked = { groupId, topics: [topic] };
      const [found] = await untilSettled(() => admin.fetchOffsets(asked));
      const offsets = found?.partitions ?? [];
      // For a partition without one the broker answers -1.
      return new Map(
        offsets.map(({ partition, offset }): [number, number] => [partition, Number(offset)])
          .filter(([, offset]) => offset >= 0),
      );
    },
    members: (group) => fetchMembers(cluster, group, topic),
    createTopic: async (how) => createTopic(await openAdmin(), topic, how),
    forgetGroup: async (group) => {
      await openAdmin().then((admin) => admin.deleteGroups([group])).catch(() => {});
    },
    close: async () => {
      const closing = [cluster.disconnect(), admin?.then((admin) => admin.disconnect())];
      await atMost(CLOSE_MS, Promise.all(closing).then(() => {}));
    },
  };
}

async function connected(admin: Admin): Promise<Admin> {
  await admin.connect();
  return admin;
}

/** One metadata request. A broker that fails is no longer connected, so that the next attempt asks another one. */
async function refresh(cluster: Cluster): Promise<void> {
  for (let attempts = 1;; attempts++) {
    try {
      return await cluster.refreshMetadata();
    } catch (error) {
      const isLost = (error as Error).name === "KafkaJSConnectionError";
      if (!isLost || attempts === REFRESH_ATTEMPTS) throw error;
    }
  }
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
  }).catch(async (error) => {
    throw causes(error).some(({ type }) => type === TOO_MANY_REPLICAS)
      ? await tooManyReplicas(admin, topic, error)
      : error;
  });
  if (!created) return { created, partitions: (await fetchPartitions(admin, topic)).length };
  await awaitLeaders(admin, topic);
  return { created, partitions };
}

const TOO_MANY_REPLICAS = "INVALID_REPLICATION_FACTOR";

/** The failure with what the cluster can do; the broker does not tell it. */
async function tooManyReplicas(admin: Admin, topic: string, cause: unknown): Promise<Error> {
  const { length } = (await admin.describeCluster()).brokers;
  const has = `Kafka has ${formatMany(length, "broker")}`;
  return new OperationalError("settings", `cannot create topic "${topic}": ${has}`, {
    reason: `the broker answered ${TOO_MANY_REPLICAS}: each replica needs a broker of its own`,
    hint: `routes migrate --topic --replication ${length}`,
    cause,
  });
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

function hasSameLeaders(a: Partition[], b: Partition[]): boolean {
  const leaders = new Map(a.map(({ partitionId, leader }) => [partitionId, leader]));
  return a.length === b.length &&
    b.every(({ partitionId, leader }) => leaders.get(partitionId) === leader);
}

/** What tells a topic from another one, and whether it has grown; `id` is null if the brokers do not know topic ids. */
export interface SenderTopic {
  partitions: number;
  id: string | null;
}

/** The topic that has these partitions. */
export function topicOf(partitions: Partition[]): SenderTopic {
  return { partitions: partitions.length, id: partitions[0]?.topicId ?? null };
}

/** Whether both are the same topic: an id that one side does not know proves nothing. */
export function isSameTopic({ id: a }: SenderTopic, { id: b }: SenderTopic): boolean {
  return !a || !b || a === b;
}
