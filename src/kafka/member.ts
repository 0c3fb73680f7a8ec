import type { Consumer, Kafka } from "kafkajs";
import { atMost } from "./deadline.ts";
import { announcing } from "./group.ts";

/** How to be a member of a group. */
export interface MemberOptions {
  topic: string;
  groupId: string;
  /** What the members of the group tell each other about where they store the records; null: nothing. */
  destination: string | null;
  sessionTimeoutMs: number;
  /** The broker may name a replica in the same rack to read from; null: always the leader. */
  rack: string | null;
  /** The broker holds back less than `minBytes` for as long as this, so that a trickle comes in batches. */
  waitMs: number;
  minBytes: number;
}

/** A consumer that knows the topic, or will soon, and has not joined its group. */
export interface MemberConnection {
  consumer: Consumer;
  ready: Promise<void>;
  /** Closes it, whether or not a membership has used it. */
  close(): Promise<void>;
}

/** Compressed. Two fetches are in memory, unpacked: with 1 MiB per partition the process took 500 MB. */
const PARTITION_BYTES = 32_768;
const FETCH_BYTES = 1_048_576;
const CLOSE_MS = 2_000;

/** Begins to connect; a failure is reported by the membership. */
export function connectMember(kafka: Kafka, options: MemberOptions): MemberConnection {
  const consumer = kafka.consumer({
    groupId: options.groupId,
    allowAutoTopicCreation: false,
    // New partitions are noticed within this time.
    metadataMaxAge: 25_000,
    maxWaitTimeInMs: options.waitMs,
    minBytes: options.minBytes,
    maxBytesPerPartition: PARTITION_BYTES,
    maxBytes: FETCH_BYTES,
    sessionTimeout: options.sessionTimeoutMs,
    // A rebalance is noticed within this time.
    heartbeatInterval: 1_000,
    rackId: options.rack ?? "",
    rebalanceTimeout: 60_000,
    ...options.destination !== null && { partitionAssigners: [announcing(options.destination)] },
    // kafkajs would restart forever (tulios/kafkajs#1721); the caller decides instead.
    retry: { initialRetryTime: 100, retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
  const { topic } = options;
  const ready = consumer.connect().then(() => consumer.subscribe({ topic, fromBeginning: true }));
  ready.catch(() => {});
  return { consumer, ready, close: () => atMost(CLOSE_MS, consumer.disconnect()) };
}
