import { Kafka, type KafkaConfig, type logCreator, logLevel } from "kafkajs";
// A module of kafkajs that its index does not export, for limitTimers() below. Written out because an import map given
// by --import-map does not reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import RequestQueue from "npm:kafkajs@2.2.4/src/network/requestQueue/index.js";
import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import type { KafkaSettings } from "../settings/settings.ts";
import { tlsOptions } from "../network/sockets.ts";
import { useCodecs } from "./codecs/mod.ts";
import { decodeQuickly } from "./patches/decode_fetch.ts";
import { keepHeaderList } from "./patches/header_list.ts";
import { rejoinAsBefore } from "./patches/rejoin.ts";
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
  decodeQuickly();
  leaveSilentConnections();
  rejoinAsBefore();
  useCodecs();
  const config: KafkaConfig = {
    brokers: settings.brokers,
    clientId: settings.clientId,
    // A broker that does not answer must leave time to try the others.
    connectionTimeout: Math.min(options.timeoutMs / settings.brokers.length, 10_000),
    authenticationTimeout: Math.min(options.timeoutMs, 10_000),
    requestTimeout: options.timeoutMs,
    retry: { initialRetryTime: 100, retries: 3 },
    logLevel: options.log ? logLevel.DEBUG : logLevel.NOTHING,
    logCreator: writeLog(options.log),
    socketFactory: ({ host, port, onConnect }) => {
      const socket = settings.tls
        ? connectTls({ host, port, ...brokerTls(settings.tls, host, options.readFile) }, onConnect)
        : connectPlain({ host, port }, onConnect);
      // Nagle's algorithm costs 40 ms a request on the sizes sent here (confluentinc/librdkafka#4986).
      socket.setNoDelay(true);
      socket.setKeepAlive(true, 60_000);
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

interface Queue {
  scheduleCheckPendingRequests(): void;
  scheduleRequestTimeoutCheck(): void;
  checkPendingRequests(): void;
  isConnected(): boolean;
  destroy(): void;
  pending: unknown[];
  inflight: Map<unknown, { sentAt: number; requestTimeout: number; timeoutRequest(): void }>;
  throttledUntil: number;
  throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
  requestTimeout: number;
  requestTimeoutIntervalId: ReturnType<typeof setInterval> | undefined;
}

/** The longest time between two checks for timed-out requests. */
const LATE_MS = 500;

/**
 * kafkajs restarts a -1 ms timer on each connection forever (tulios/kafkajs#1556, #1704), which costs 5 % of a core when
 * idle and prints a warning on stderr. Here that check runs only while requests are queued. kafkajs also looks for
 * timed-out requests ten times a second; every LATE_MS is enough, and halves the remaining cost.
 */
function limitTimers(): void {
  const queue = RequestQueue.prototype as Queue;
  queue.scheduleRequestTimeoutCheck = function () {
    this.destroy();
    this.requestTimeoutIntervalId = setInterval(() => {
      const now = Date.now();
      for (const request of this.inflight.values()) {
        if (now - request.sentAt > request.requestTimeout) request.timeoutRequest();
      }
      if (!this.isConnected()) this.destroy();
    }, Math.min(this.requestTimeout, LATE_MS));
  };
  queue.scheduleCheckPendingRequests = function () {
    if (this.throttleCheckTimeoutId || this.pending.length === 0) return;
    const waitMs = Math.max(this.throttledUntil - Date.now(), 10);
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null;
      this.checkPendingRequests();
    }, waitMs);
  };
}

function writeLog(log: KafkaOptions["log"]): logCreator {
  return () => ({ namespace, label, log: entry }) => {
    const { timestamp: _timestamp, logger: _logger, message, stack: _stack, ...extra } = entry;
    log?.(`kafka ${label.toLowerCase()} ${namespace}: ${message} ${JSON.stringify(extra)}`);
  };
}
