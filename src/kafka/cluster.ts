import type { Kafka, PartitionMetadata } from "kafkajs";

// Internals of kafkajs, whose version is pinned.

/** A connection to one broker. */
export interface Broker {
  /** By API key, the versions that the broker knows; null before it is connected. */
  versions: Record<number, { minVersion: number; maxVersion: number }> | null;
  connectionPool: { send(exchange: object): Promise<unknown> };
  connect(): Promise<void>;
  metadata(topics: string[]): Promise<{
    brokers: { host: string; port: number }[];
    topicMetadata: { topic: string; partitionMetadata: unknown[] }[];
  }>;
  fetch(request: object): Promise<unknown>;
  produce(request: object): Promise<unknown>;
  heartbeat(request: object): Promise<unknown>;
  describeGroups(request: { groupIds: string[] }): Promise<{ groups: DescribedGroup[] }>;
}

/** A group as DescribeGroups tells it. */
export interface DescribedGroup {
  state: string;
  /** The name of the assignor. */
  protocol: string;
  members: {
    memberId: string;
    clientId: string;
    clientHost: string;
    memberMetadata: Uint8Array;
    memberAssignment: Uint8Array;
  }[];
}

/** Which offset of each partition to ask for: the start of the log, its end, or the first record since a time. */
export type OffsetQuery = { fromBeginning: boolean } | { fromTimestamp: number };

/** The brokers of a cluster. */
export interface Cluster {
  /** The topics that a metadata request asks for; without any it asks for all. */
  targetTopics: Set<string>;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** One metadata request. */
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  findTopicPartitionMetadata(topic: string): PartitionMetadata[];
  /** One request to each leader. */
  fetchTopicsOffset(
    topics: ({ topic: string; partitions: { partition: number }[] } & OffsetQuery)[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>;
  findGroupCoordinator(of: { groupId: string }): Promise<Broker>;
  brokerPool: { seedBroker: Broker; metadata: { clusterId: string } | null };
}

/** Without it, kafkajs asks again before each use. */
const METADATA_MAX_AGE_MS = 300_000;

/** Creates the part of a kafkajs client that its interface hides; opens no connection yet. */
export function createCluster(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka)
    .find(({ description }) => description === "private:Kafka:createCluster")!;
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol]!;
  return create({ allowAutoTopicCreation: false, metadataMaxAge: METADATA_MAX_AGE_MS });
}
