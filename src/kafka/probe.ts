import { speaksTls } from "./errors.ts";
import type { Kafka } from "kafkajs";
import type { KafkaSettings } from "../settings/settings.ts";
import {
  awaitAlert,
  dial,
  resolveName,
  type TlsHandshake,
  tlsHandshake,
} from "../network/sockets.ts";
import { createCluster } from "./cluster.ts";
import { brokerTls } from "./connect.ts";
import { splitAddress } from "./seed_names.ts";

/** Checks of one topic that neither read nor write records. */
export interface Probe {
  /** `host:port` that each broker advertises. */
  brokers(): Promise<string[]>;
  /** The number of partitions. */
  partitions(): Promise<number>;
  /** Each of these fails when the right is missing. */
  mayRead(): Promise<void>;
  mayWrite(): Promise<void>;
  mayJoin(group: string): Promise<void>;
  close(): Promise<void>;
}

/** A partition that no topic has: only a user with the right gets that answer. */
const NOWHERE = 2_147_483_647;
const EXPECTED = [
  "UNKNOWN_TOPIC_OR_PARTITION",
  "NOT_LEADER_FOR_PARTITION",
  "UNKNOWN_MEMBER_ID",
  "ILLEGAL_GENERATION",
  "NOT_COORDINATOR_FOR_GROUP",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
];

/** Logs in at one of the brokers that the settings name, and at no other: the advertised addresses may be wrong. */
export async function openProbe(kafka: Kafka, topic: string): Promise<Probe> {
  const cluster = createCluster(kafka);
  await cluster.connect();
  const seed = cluster.brokerPool.seedBroker;
  const partitions = [{ partition: NOWHERE, fetchOffset: 0, maxBytes: 1, messages: [] }];
  const data = [{ topic, partitions }];
  return {
    brokers: async () => {
      const { brokers } = await seed.metadata([]);
      return brokers.map(({ host, port }) => `${host}:${port}`);
    },
    partitions: async () => {
      const { topicMetadata } = await seed.metadata([topic]);
      return topicMetadata.find((found) => found.topic === topic)!.partitionMetadata.length;
    },
    mayRead: () => ask(seed.fetch({ maxWaitTime: 1, minBytes: 0, topics: data })),
    mayWrite: () => ask(seed.produce({ topicData: data, timeout: 5_000 })),
    mayJoin: (groupId) =>
      ask(seed.heartbeat({ groupId, groupGenerationId: 1, memberId: "routes-check" })),
    close: () => cluster.disconnect(),
  };
}

/** Fails when the right to read the topic or to join the group is missing. */
export async function mayConsume(kafka: Kafka, topic: string, group: string): Promise<void> {
  const probe = await openProbe(kafka, topic);
  try {
    await probe.mayRead();
    await probe.mayJoin(group);
  } finally {
    await probe.close();
  }
}

async function ask(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!EXPECTED.includes((error as { type?: string }).type ?? "")) throw error;
  }
}

/** Opens and closes a connection; returns the IP address if the host is a name. */
export function reachBroker(address: string, ms: number): Promise<string | null> {
  return at(address, async (host, port) => {
    const found = await resolveName(host);
    (await dial(host, port, ms)).destroy();
    return found;
  });
}

/** Options of a TLS handshake with a broker. */
interface HandshakeOptions {
  tls: NonNullable<KafkaSettings["tls"]>;
  readFile: (path: string) => Uint8Array;
  ms: number;
}

/** Makes a TLS handshake with a broker, with the options that kafkajs uses. */
export function tlsHandshakeWithBroker(
  address: string,
  { tls, readFile, ms }: HandshakeOptions,
): Promise<TlsHandshake> {
  return at(
    address,
    (host, port) => tlsHandshake({ host, port }, brokerTls(tls, host, readFile), ms),
  );
}

/** Fails with the TLS alert that the broker sends after the handshake, if it sends one. */
export function refuseCertificate(
  address: string,
  { tls, readFile, ms }: HandshakeOptions,
): Promise<void> {
  const limitMs = Math.min(ms, 2_000);
  return at(
    address,
    (host, port) => awaitAlert({ host, port }, brokerTls(tls, host, readFile), limitMs),
  );
}

/** Runs `work` for one broker and adds its address to the errors. */
async function at<T>(
  address: string,
  work: (host: string, port: number) => Promise<T>,
): Promise<T> {
  const { host, port } = splitAddress(address);
  try {
    return await work(host, port);
  } catch (error) {
    throw Object.assign(error as Error, { broker: address });
  }
}

/** Fails when the port speaks TLS, which is why it closes a plain text connection. */
export async function refuseTls(address: string, ms: number): Promise<void> {
  try {
    await tlsHandshake(splitAddress(address), { rejectUnauthorized: false }, ms);
  } catch (error) {
    // A TLS alert also shows that the port speaks TLS.
    if (!/_ALERT_/.test((error as { code?: string }).code ?? "")) return;
  }
  throw speaksTls(address);
}
