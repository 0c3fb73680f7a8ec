import type { Kafka } from "kafkajs";
import type { KafkaSettings } from "../settings/settings.ts";
import { OperationalError } from "../errors.ts";
import {
  awaitAlert,
  dial,
  resolveName,
  type TlsHandshake,
  tlsHandshake,
} from "../network/sockets.ts";
import { brokerTls } from "./connect.ts";

/** A look at one topic without using it. */
export interface Probe {
  /** `host:port` that each broker tells of itself. */
  brokers(): Promise<string[]>;
  /** How many partitions it has. */
  partitions(): Promise<number>;
  /** Each fails where that right is missing. */
  mayRead(): Promise<void>;
  mayWrite(): Promise<void>;
  mayJoin(group: string): Promise<void>;
  close(): Promise<void>;
}

/** What kafkajs has inside; its version is pinned. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  brokerPool: { seedBroker: Broker };
}

interface Broker {
  metadata(topics: string[]): Promise<{
    brokers: { host: string; port: number }[];
    topicMetadata: { topic: string; partitionMetadata: unknown[] }[];
  }>;
  fetch(request: object): Promise<unknown>;
  produce(request: object): Promise<unknown>;
  heartbeat(request: object): Promise<unknown>;
}

/** No topic has it, and a broker says so only to who has the right to ask. */
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

/** Logs in at one of the brokers that the settings name, and at no other: what they tell of themselves may be wrong. */
export async function openProbe(kafka: Kafka, topic: string): Promise<Probe> {
  const symbol = Object.getOwnPropertySymbols(kafka)
    .find(({ description }) => description === "private:Kafka:createCluster")!;
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[symbol]!;
  const cluster = create({ allowAutoTopicCreation: false });
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

/** Fails where the right to read the topic, or to read as that group, is missing. */
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

/** Opens and ends a connection; the address of the name, if it is one. */
export function reachBroker(address: string, ms: number): Promise<string | null> {
  return at(address, async (host, port) => {
    const found = await resolveName(host);
    (await dial(host, port, ms)).destroy();
    return found;
  });
}

/** How to shake hands with a broker, as kafkajs would. */
interface Shaking {
  tls: NonNullable<KafkaSettings["tls"]>;
  readFile: (path: string) => Uint8Array;
  ms: number;
}

/** Shakes hands. */
export function tlsHandshakeWithBroker(
  address: string,
  { tls, readFile, ms }: Shaking,
): Promise<TlsHandshake> {
  return at(
    address,
    (host, port) => tlsHandshake({ host, port }, brokerTls(tls, host, readFile), ms),
  );
}

/** Why a broker ends a connection after the handshake: fails with its alert, if it sends one. */
export function refuseCertificate(
  address: string,
  { tls, readFile, ms }: Shaking,
): Promise<void> {
  const patience = Math.min(ms, 2_000);
  return at(
    address,
    (host, port) => awaitAlert({ host, port }, brokerTls(tls, host, readFile), patience),
  );
}

/** Work at one broker, whose failures name it. */
async function at<T>(
  address: string,
  work: (host: string, port: number) => Promise<T>,
): Promise<T> {
  const { host, port } = split(address);
  try {
    return await work(host, port);
  } catch (error) {
    throw Object.assign(error as Error, { broker: address });
  }
}

/** Why a broker ends a connection in plain text at once: whether the port speaks TLS. */
export async function refuseTls(address: string, ms: number): Promise<void> {
  try {
    await tlsHandshake(split(address), { rejectUnauthorized: false }, ms);
  } catch (error) {
    // An alert is TLS too.
    if (!/_ALERT_/.test((error as { code?: string }).code ?? "")) return;
  }
  throw new OperationalError("unavailable", `Kafka at ${address} speaks TLS on that port`, {
    reason: "spoken was plain text",
    hint: "set [kafka] security_protocol = SSL or SASL_SSL, or correct the port",
  });
}

function split(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(":");
  return {
    host: address.slice(0, at).replace(/^\[|\]$/g, ""),
    port: Number(address.slice(at + 1)),
  };
}
