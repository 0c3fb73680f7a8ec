import { Kafka, type KafkaConfig, type logCreator, logLevel } from "kafkajs";
// A module of kafkajs that its index does not export, for stopIdleTimer() below. Written out because an import map given
// by --import-map does not reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import RequestQueue from "npm:kafkajs@2.2.4/src/network/requestQueue/index.js";
import { type Buffer } from "node:buffer";
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from "node:tls";
import type { KafkaSettings } from "../config.ts";
import { useCodecs } from "./codecs.ts";
import { decodeQuickly } from "./decode.ts";
import { keepHeaderList } from "./headers.ts";
import { leaveSilentConnections } from "./silence.ts";

/** What the client needs of the outside: files for TLS, a place for its log lines, a limit for each wait. */
export interface KafkaOptions {
  /** Read on every connect, so that renewed certificates serve without a restart. */
  readFile: (path: string) => Uint8Array;
  /** Null: the library's own log goes nowhere. */
  log: ((line: string) => void) | null;
  timeoutMs: number;
}

/** A kafkajs client for `settings`; opens no connection yet. */
export function openKafka(settings: KafkaSettings, options: KafkaOptions): Kafka {
  stopIdleTimer();
  keepHeaderList();
  decodeQuickly();
  leaveSilentConnections();
  useCodecs();
  const config: KafkaConfig = {
    brokers: settings.brokers,
    clientId: settings.clientId,
    connectionTimeout: Math.min(options.timeoutMs, 10_000),
    authenticationTimeout: Math.min(options.timeoutMs, 10_000),
    requestTimeout: options.timeoutMs,
    retry: { initialRetryTime: 100, retries: 3 },
    logLevel: options.log ? logLevel.DEBUG : logLevel.NOTHING,
    logCreator: writeLog(options.log),
    socketFactory: ({ host, port, ssl, onConnect }) => {
      const socket = ssl
        ? connectTls({ host, port, ...tlsOptions(settings, host, options.readFile) }, onConnect)
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

/** Options of node:tls for one broker; the files are read anew. */
export function tlsOptions(
  settings: KafkaSettings,
  host: string,
  readFile: (path: string) => Uint8Array,
): ConnectionOptions {
  const { ca, cert, key, passphrase, checkHostname } = settings.tls!;
  const read = (path: string) => readFile(path) as Buffer;
  return {
    ...(ca && { ca: read(ca) }),
    ...(cert && { cert: read(cert) }),
    ...(key && { key: read(key) }),
    ...(passphrase && { passphrase }),
    ...(!isIP(host) && { servername: host }),
    // For an IP address the runtime would check the certificate against "localhost".
    checkServerIdentity: (_name, peer) =>
      checkHostname ? checkServerIdentity(host, peer) : undefined,
  };
}

/**
 * kafkajs re-arms a timer of -1 ms per connection for ever (tulios/kafkajs#1556, #1704): 5 % of a core when idle, and a
 * warning on stderr. A check is due only while requests wait.
 */
function stopIdleTimer(): void {
  const queue = RequestQueue.prototype as {
    scheduleCheckPendingRequests(): void;
    pending: unknown[];
    throttledUntil: number;
    throttleCheckTimeoutId: ReturnType<typeof setTimeout> | null;
    checkPendingRequests(): void;
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
