import { Kafka, type KafkaConfig, type logCreator, logLevel } from "kafkajs";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { KafkaSettings } from "../settings/settings.ts";
import { countRoundTrips } from "../network/round_trips.ts";
import { tlsOptions } from "../network/sockets.ts";
import { useCodecs } from "./codecs/mod.ts";
import { patchFetch } from "./patches/fetch.ts";
import { refuseBadAnswers } from "./patches/bad_answers.ts";
import { keepHeaderList } from "./patches/header_list.ts";
import { patchMetadata } from "./patches/metadata.ts";
import { followCoordinator } from "./patches/moved_coordinator.ts";
import { followLeaders } from "./patches/moved_leader.ts";
import { tryEveryServer } from "./patches/next_server.ts";
import { limitTimers } from "./patches/limit_timers.ts";
import { pauseStoppedFetches } from "./patches/stopped_fetch.ts";
import { fetchWhenResumed } from "./patches/paused_fetch.ts";
import { rejoinAsBefore } from "./patches/rejoin.ts";
import { trustSeeks } from "./patches/sought_offsets.ts";
import { joinAs, sendInstanceIds } from "./patches/static_members.ts";
import { addressOf, seedName, splitAddress } from "./seed_names.ts";
import { leaveSilentConnections } from "./patches/drop_silent.ts";

/** What the client needs from its caller: files for TLS, a log function, and a timeout. */
interface KafkaOptions {
  /** Read on every connect, so that renewed certificates are used without a restart. */
  readFile: (path: string) => Uint8Array;
  /** Null: the kafkajs log is discarded. */
  log: ((line: string) => void) | null;
  timeoutMs: number;
}

/** A kafkajs client for `settings`; opens no connection yet. */
export function openKafka(settings: KafkaSettings, options: KafkaOptions): Kafka {
  limitTimers();
  keepHeaderList();
  patchFetch();
  patchMetadata();
  refuseBadAnswers();
  leaveSilentConnections();
  // A server that does not answer must leave time to try the others.
  const shareMs = Math.min(options.timeoutMs / (settings.brokers.length + 1), 10_000);
  tryEveryServer(settings.brokers.length, shareMs);
  rejoinAsBefore();
  followCoordinator();
  followLeaders();
  sendInstanceIds();
  joinAs(settings.groupId, settings.groupInstanceId);
  pauseStoppedFetches();
  fetchWhenResumed();
  trustSeeks();
  useCodecs();
  const config: KafkaConfig = {
    // Otherwise all processes would begin with the same one.
    brokers: shuffled(settings.brokers.map(seedName)),
    clientId: settings.clientId,
    connectionTimeout: shareMs,
    authenticationTimeout: Math.min(options.timeoutMs, 10_000),
    requestTimeout: options.timeoutMs,
    retry: { initialRetryTime: 100, retries: 3 },
    logLevel: options.log ? logLevel.DEBUG : logLevel.NOTHING,
    logCreator: writeLog(options.log),
    socketFactory: ({ host: name, port, onConnect }) => {
      const { host } = splitAddress(addressOf(`${name}:${port}`, settings.brokers));
      const socket = settings.tls
        ? connectTls({ host, port, ...brokerTls(settings.tls, host, options.readFile) }, onConnect)
        : connectPlain({ host, port }, onConnect);
      // Nagle's algorithm costs 40 ms a request on the sizes sent here (confluentinc/librdkafka#4986).
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 60_000);
      countRoundTrips(socket as Socket);
      return socket as Socket;
    },
  };
  if (settings.tls) config.ssl = true;
  if (settings.sasl) config.sasl = settings.sasl as NonNullable<KafkaConfig["sasl"]>;
  return new Kafka(config);
}

/** Options of node:tls for one broker. */
export function brokerTls(
  { checkHostname, ...files }: NonNullable<KafkaSettings["tls"]>,
  host: string,
  readFile: KafkaOptions["readFile"],
): ConnectionOptions {
  return tlsOptions(files, { host, verify: checkHostname ? "name" : "signature", readFile });
}

function shuffled<T>(items: T[]): T[] {
  return items.map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

function writeLog(log: KafkaOptions["log"]): logCreator {
  return () => ({ namespace, label, log: entry }) => {
    const { timestamp: _timestamp, logger: _logger, message, stack: _stack, ...extra } = entry;
    log?.(`kafka ${label.toLowerCase()} ${namespace}: ${message} ${JSON.stringify(extra)}`);
  };
}
