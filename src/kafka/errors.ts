import { ownGroup } from "../settings/kafka.ts";
import type { KafkaSettings } from "../settings/settings.ts";
import { explainConnection } from "../network/explain.ts";
import { isThrownIn, OperationalError } from "../errors.ts";
import { type Cause, causes, isHangUp } from "./causes.ts";
import { addressOf, seedName } from "./seed_names.ts";

/**
 * Turns a Kafka error into a message with a hint, from its root cause. Returns other errors unchanged.
 * `topic` is the topic that was used, if it is not the one in the settings.
 */
export function explainKafka(error: unknown, settings: KafkaSettings, topic?: string): Error {
  if (!(error instanceof Error) || error instanceof OperationalError) return error as Error;
  const chain = causes(error);
  if (isThrownIn("kafkajs", error)) return noValidAnswer(settings.brokers.join(", "), error);
  // Another service may have failed with the same network error code.
  if (!chain.some(({ name, broker }) => broker || name.startsWith("KafkaJS"))) return error;
  const broker = chain.find(({ broker }) => broker)?.broker;
  const where = broker ? addressOf(broker, settings.brokers) : settings.brokers.join(", ");
  for (const cause of chain) {
    const failure = explainNetwork(cause, settings, where);
    if (failure) return explainAll(failure, settings) ?? failure;
    const refusal = explainAnswer(cause.type, settings, where, topic);
    if (refusal) return refusal;
  }
  const root = chain.at(-1)!;
  return new OperationalError("temporary", `Kafka at ${where} failed`, {
    reason: `${root.name}: ${root.message}`,
    hint: "run this again to continue",
    cause: error,
  });
}

/** Why the servers of the settings could not be used, by `host:port` as kafkajs has it; empty once one answered. */
export const unreached = new Map<string, Error>();

/** The failure with what each server answered; null if the settings name one server, or all of them answered. */
function explainAll(last: OperationalError, settings: KafkaSettings): OperationalError | null {
  const { brokers, origin } = settings;
  if (brokers.length < 2 || unreached.size === 0) return null;
  const answers = brokers.map((where) => {
    const error = unreached.get(seedName(where));
    if (!error) return `Kafka at ${where} was not tried in time`;
    const failures = causes(error).map((cause) => explainNetwork(cause, settings, where));
    return failures.find((failure) => failure !== null)?.message ?? `${where}: ${error.message}`;
  });
  const text = `cannot use any of the ${brokers.length} Kafka servers`;
  const reason = [...answers, `the addresses are ${origin}`];
  return new OperationalError(last.kind, text, { reason, hint: last.hint, cause: last.cause });
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
      hint: "run this again to continue, or raise --timeout",
      cause,
    });
  }
  if (name === "KafkaJSBadAnswer" && message === TLS_ALERT) return speaksTls(where);
  if (name === "KafkaJSBadAnswer") return noValidAnswer(where, cause);
  const code = message === "Connection timeout" ? "ETIMEDOUT" : cause.code;
  const { brokers, origin, tls } = settings;
  const isStray = !brokers.includes(where) && brokers.join(", ") !== where;
  const failure = explainConnection({ code, message }, {
    section: "kafka",
    address: where,
    origin: isStray ? null : origin,
    tls,
  });
  if (failure && isStray && failure.message.startsWith("cannot reach")) {
    return new OperationalError(failure.kind, failure.message, {
      reason: `the broker advertises this address; the settings name ${brokers.join(", ")}`,
      hint: "correct advertised.listeners of the broker, or open the way to that address",
      cause,
    });
  }
  return failure ?? (isHangUp(cause) ? hungUp(settings, where) : null);
}

function noValidAnswer(where: string, cause: { message: string }): OperationalError {
  return new OperationalError("unavailable", `Kafka at ${where} sent no valid answer`, {
    reason: cause.message,
    hint: "check [kafka] bootstrap_servers: another program may answer there",
    cause,
  });
}

/** What a port that speaks TLS answers to plain text. */
export const TLS_ALERT = "an alert of TLS";

/** The failure when the client sends plain text to a port that speaks TLS. */
export function speaksTls(address: string): OperationalError {
  return new OperationalError("unavailable", `Kafka at ${address} speaks TLS on that port`, {
    reason: "the client used plain text",
    hint: "set [kafka] security_protocol = SSL or SASL_SSL, or correct the port",
  });
}

/** A broker closes the connection without an error when the client uses the wrong protocol. */
function hungUp({ tls, sasl }: KafkaSettings, where: string): OperationalError {
  const login = sasl ? "" : "a login";
  const proof = tls ? tls.cert ? "" : "a client certificate" : "TLS";
  const asked = [proof, login].filter(Boolean).join(" or ");
  const text = `Kafka at ${where} ended the connection`;
  if (!asked) {
    return new OperationalError("temporary", text, { hint: "run this again to continue" });
  }
  return new OperationalError("unavailable", `${text}: it may ask for ${asked}`, {
    reason: `the client used ${sasl ? "SASL_" : ""}${tls ? "SSL" : "PLAINTEXT"}`,
    hint: "correct [kafka] security_protocol, or the port; routes check tells more",
  });
}

/** Hints for requests that the broker rejects. */
const REFUSALS: Record<string, string> = {
  INVALID_TOPIC_EXCEPTION:
    "correct [kafka] topic: at most 249 letters of English, digits, dots, dashes and underscores",
  INVALID_REPLICATION_FACTOR: "ask for less with --replication, or start more brokers",
};

/** The message for an error code of the broker; null for a code that has none. */
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
    case "INCONSISTENT_GROUP_PROTOCOL":
      return new OperationalError(
        "unavailable",
        `group "${settings.groupId}" belongs to another program`,
        { reason: `${reason}: its members use another assignor`, hint: ownGroup(settings.groupId) },
      );
    case "FENCED_INSTANCE_ID":
      return new OperationalError(
        "settings",
        `another process took over group_instance_id = ${settings.groupInstanceId} ` +
          `in group "${settings.groupId}"`,
        { reason, hint: "give each process a [kafka] group_instance_id of its own" },
      );
    case "INVALID_SESSION_TIMEOUT":
      return new OperationalError(
        "settings",
        `Kafka at ${where} does not accept session_timeout = ${settings.sessionTimeoutMs / 1000}s`,
        {
          reason,
          hint: "set it between group.min.session.timeout.ms and group.max.session.timeout.ms " +
            "of the brokers",
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
        { reason, hint: REFUSALS[type] ?? "ask the Kafka administrator, or change the request" },
      );
    case "SASL_AUTHENTICATION_FAILED":
      return loginRefused(where, reason);
    case "ILLEGAL_SASL_STATE":
    case "UNSUPPORTED_SASL_MECHANISM":
      return new OperationalError(
        "settings",
        `Kafka at ${where} does not accept this login method on that port`,
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

/** The user that needs the right; how a broker maps a certificate to a user is its own setting. */
function principal({ sasl, tls }: KafkaSettings): string {
  if (sasl) return `"${sasl.username}"`;
  return tls?.cert ? `the user of "${tls.cert}"` : "the user of this connection";
}
