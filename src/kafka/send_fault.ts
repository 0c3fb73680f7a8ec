import { type Cause, causes } from "./causes.ts";
import { formatMany } from "../units.ts";

/** Why a run must stop sending, and what to do about it. */
export interface SendFault {
  /** The broker's error by name, or the name of the error. */
  code: string;
  kind: "temporary" | "noPermission" | "data";
  reason: string;
  hint: string;
}

/** A topic cannot lose partitions: it must be another one. */
export class PartitionsChanged extends Error {
  constructor(before: number, now: number) {
    super(`the topic has ${formatMany(now, "partition")} now, ${before} when the run began`);
    this.name = "PartitionsChanged";
  }
}

/** The acknowledged records of the run are gone. */
export class TopicRecreated extends Error {
  override name = "TopicRecreated";
  constructor(evidence: string) {
    super(`the topic was deleted, recreated or truncated during the run: ${evidence}`);
  }
}

/** Whether the broker rejected the send for good; other errors are retried. */
export function isRefusal(error: unknown): boolean {
  return causes(error).some(({ name, retriable }) =>
    name === "PartitionsChanged" || name === "TopicRecreated" ||
    (name === "KafkaJSProtocolError" && retriable === false)
  );
}

/** What an error of kafkajs, or of the sender, means for the run. */
export function toSendFault(error: unknown): SendFault {
  const { name, type, message }: Cause = causes(error).at(-1) ?? { name: "", message: `${error}` };
  const reason = type ? `the broker answered ${type}` : message;
  const code = type ?? name;
  // For the topic, or for the cluster: old brokers require a cluster right for idempotent producers.
  const kind = code === "TopicRecreated"
    ? "data"
    : code.endsWith("_AUTHORIZATION_FAILED")
    ? "noPermission"
    : "temporary";
  return { code, kind, reason, hint: HINTS[code] ?? "check the brokers, then run again" };
}

const HINTS: Record<string, string> = {
  MESSAGE_TOO_LARGE:
    "--compression gzip, a smaller --batch-size, or a larger max.message.bytes of the topic",
  TOPIC_AUTHORIZATION_FAILED: "grant the user of this connection write on the topic",
  TopicRecreated: "routes consume --replay earliest, then send the records again",
  INVALID_RECORD: "a compacted topic needs keys: leave out --key none",
  PartitionsChanged: "check whether the topic was deleted and recreated, then run again",
};
