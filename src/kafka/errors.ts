import type { KafkaSettings } from "../settings/settings.ts";
import { explainConnection } from "../network/explain.ts";
import { OperationalError } from "../errors.ts";

/**
 * What a Kafka error means to a person: the failure of its root cause, with the way out. Others come back as they are.
 * `topic` is the one that was used, where it is not that of the settings.
 */
export function explainKafka(error: unknown, settings: KafkaSettings, topic?: string): Error {
  if (!(error instanceof Error) || error instanceof OperationalError) return error as Error;
  const chain = causes(error);
  // Another service may have failed with the same code of the network.
  if (!chain.some(({ name, broker }) => broker || name.startsWith("KafkaJS"))) return error;
  const where = chain.find(({ broker }) => broker)?.broker ?? settings.brokers.join(", ");
  for (const cause of chain) {
    const known = explainNetwork(cause, settings, where) ??
      explainAnswer(cause.type, settings, where, topic);
    if (known) return known;
  }
  const packed = chain.find(({ name }) => name === "UnpackFailed");
  if (packed) {
    return new OperationalError(
      "data",
      `cannot read topic "${settings.topic}": ${packed.message}`,
      {
        hint: "kafka-delete-records past that batch, then routes consume --accept-loss",
        cause: error,
      },
    );
  }
  const root = chain.at(-1)!;
  return new OperationalError("temporary", `Kafka at ${where} failed`, {
    reason: `${root.name}: ${root.message}`,
    hint: "run again to go on",
    cause: error,
  });
}

/** Whether the broker ended the connection without a word. */
export function isHungUp(error: unknown): boolean {
  return causes(error).some(isHangUp);
}

function isHangUp({ name, code, message }: Cause): boolean {
  // The last is what kafkajs says when the connection had ended before it asked.
  return name === "KafkaJSConnectionClosedError" ||
    (name === "KafkaJSConnectionError" && message === "Not connected") ||
    ["ERR_STREAM_WRITE_AFTER_END", "ECONNRESET", "EPIPE"].includes(String(code));
}

/** What kafkajs tells of an error beside its message; those it wraps are its causes. */
export interface Cause {
  name: string;
  message: string;
  /** What the broker answered. */
  type?: string;
  retriable?: boolean;
  code?: string | number;
  /** `host:port` of the broker that was talked to. */
  broker?: string;
}

/** An error and all that it wraps, down to its root. */
export function causes(error: unknown): Cause[] {
  const chain: Cause[] = [];
  for (let at = error; at instanceof Error && chain.length < 10;) {
    chain.push(at as Cause);
    // Topics are made in one request, and their failures come in one error.
    at = at.cause ?? (at as AggregateError).errors?.[0];
  }
  return chain;
}

const UNLED = ["NOT_LEADER_FOR_PARTITION", "LEADER_NOT_AVAILABLE", "UNKNOWN_TOPIC_OR_PARTITION"];

/** Whether a broker turned somebody away since it does not lead the partition, as yet or any more. */
export function isUnled(error: unknown): boolean {
  return causes(error).some(({ type }) => UNLED.includes(type ?? ""));
}

function explainNetwork(
  cause: Cause,
  settings: KafkaSettings,
  where: string,
): OperationalError | null {
  const { name, message } = cause;
  if (name === "KafkaJSSASLAuthenticationError") return loginRefused(where, message);
  if (name === "KafkaJSRequestTimeoutError") {
    return new OperationalError("temporary", `Kafka at ${where} did not answer in time`, {
      reason: message,
      hint: "run again to go on, or raise --timeout",
      cause,
    });
  }
  const code = message === "Connection timeout" ? "ETIMEDOUT" : cause.code;
  const { brokers, tls } = settings;
  const failure = explainConnection({ code, message }, { section: "kafka", address: where, tls });
  const isStray = !brokers.includes(where) && brokers.join(", ") !== where;
  if (failure && isStray && failure.message.startsWith("cannot reach")) {
    return new OperationalError(failure.kind, failure.message, {
      reason: `the broker tells this address of itself; ${brokers.join(", ")} was asked`,
      hint: "correct advertised.listeners of the broker, or open the way to that address",
      cause,
    });
  }
  return failure ?? (isHangUp(cause) ? hungUp(settings, where) : null);
}

/** Brokers say nothing to whom they do not understand. */
function hungUp({ tls, sasl }: KafkaSettings, where: string): OperationalError {
  const login = sasl ? "" : "a login";
  const proof = tls ? tls.cert ? "" : "a client certificate" : "TLS";
  const asked = [proof, login].filter(Boolean).join(" or ");
  const text = `Kafka at ${where} ended the connection`;
  if (!asked) return new OperationalError("temporary", text, { hint: "run again to go on" });
  return new OperationalError("unavailable", `${text}: it may ask for ${asked}`, {
    reason: `spoken was ${sasl ? "SASL_" : ""}${tls ? "SSL" : "PLAINTEXT"}`,
    hint: "correct [kafka] security_protocol, or the port; routes check tells more",
  });
}

/** What mends a request that the broker refuses. */
const REFUSALS: Record<string, string> = {
  INVALID_TOPIC_EXCEPTION:
    "correct [kafka] topic: at most 249 letters of English, digits, dots, dashes and underscores",
  INVALID_REPLICATION_FACTOR: "ask for less with --replication, or start more brokers",
};

/** What the broker answered, by its name in the protocol. */
function explainAnswer(
  type: string | undefined,
  settings: KafkaSettings,
  where: string,
  topic = settings.topic,
): OperationalError | null {
  const reason = `the broker answered ${type}`;
  switch (type) {
    case "UNKNOWN_TOPIC_OR_PARTITION":
      return new OperationalError("unavailable", `topic "${topic}" does not exist on ${where}`, {
        reason,
        hint: topic === settings.topic
          ? "routes migrate --topic"
          : `routes migrate --topic -X kafka.topic=${topic}`,
      });
    case "TOPIC_AUTHORIZATION_FAILED":
      return new OperationalError("noPermission", `no right to use topic "${topic}" on ${where}`, {
        reason,
        hint: `grant ${principal(settings)} read (consume) or write (produce) on the topic`,
      });
    case "GROUP_AUTHORIZATION_FAILED":
      return new OperationalError(
        "noPermission",
        `no right to use consumer group "${settings.groupId}" on ${where}`,
        {
          reason,
          hint: `grant ${principal(settings)} read on the group, or set [kafka] group_id`,
        },
      );
    case "CLUSTER_AUTHORIZATION_FAILED":
    case "TOPIC_EXCEPTION":
    case "INVALID_TOPIC_EXCEPTION":
    case "POLICY_VIOLATION":
    case "INVALID_REPLICATION_FACTOR":
    case "INVALID_PARTITIONS":
      return new OperationalError(
        type === "CLUSTER_AUTHORIZATION_FAILED" ? "noPermission" : "settings",
        `Kafka at ${where} refused the request for topic "${topic}"`,
        { reason, hint: REFUSALS[type] ?? "ask whoever runs Kafka, or change what is asked for" },
      );
    case "SASL_AUTHENTICATION_FAILED":
      return loginRefused(where, reason);
    case "ILLEGAL_SASL_STATE":
    case "UNSUPPORTED_SASL_MECHANISM":
      return new OperationalError(
        "settings",
        `Kafka at ${where} takes no such login on that port`,
        {
          reason,
          hint: "correct [kafka] security_protocol and sasl_mechanism",
        },
      );
  }
  return null;
}

function loginRefused(where: string, reason: string): OperationalError {
  return new OperationalError("noPermission", `login refused by Kafka at ${where}`, {
    reason,
    hint: "correct [kafka] sasl_mechanism, sasl_plain_username and sasl_plain_password",
  });
}

/** Whom the broker knows this connection as; the name in a certificate is for it to make something of. */
function principal({ sasl, tls }: KafkaSettings): string {
  if (sasl) return `"${sasl.username}"`;
  return tls?.cert ? `the user of "${tls.cert}"` : "the user of this connection";
}
