import { OperationalError } from "../errors.ts";
import type { Message } from "./validate.ts";

/** The offsets of a partition that can be read: [low, high). */
export interface Range {
  low: number;
  /** The last stable offset: records of open transactions start there or later. */
  high: number;
}

/** A start or end position given on the command line; `ms` since 1970. */
export type Spec =
  | { at: "earliest" }
  | { at: "latest" }
  | { at: "offset"; offset: number }
  | { at: "time"; ms: number }
  | { at: "last"; count: number };

/** Where a run begins: a position, or the offsets that a consumer group has committed. */
export type StartSpec = Spec | { at: "group"; group: string };

/** Resolves `spec` to an offset of one partition; `atTime` is the first offset whose time is not before `spec.ms`. */
export function place(spec: Spec, { low, high }: Range, atTime?: number): number {
  const offset = {
    earliest: low,
    latest: high,
    offset: spec.at === "offset" ? spec.offset : 0,
    time: atTime ?? high,
    last: spec.at === "last" ? high - spec.count : 0,
  }[spec.at];
  return Math.min(Math.max(offset, low), high);
}

/** The offset after a record; a damaged one may stand for several. */
export function endOf({ offset, damage }: Pick<Message, "offset" | "damage">): number {
  return (damage?.lastOffset ?? Number(offset)) + 1;
}

/** Whether reading can continue at `position`. */
export function holds({ low, high }: Range, position: number): boolean {
  return low <= position && position <= high;
}

const REPLAY = "routes consume --replay earliest, which deletes what was stored from the topic";

/** The error when the log does not contain the position stored in the database. */
export function contradiction(
  topic: string,
  partition: number,
  position: number,
  { low, high }: Range,
): OperationalError {
  const where = `partition ${partition} of topic "${topic}"`;
  return position < low
    ? new OperationalError("data", `${where} lost ${low - position} unread records`, {
      reason: `offsets ${position} to ${low - 1} were deleted before they were read`,
      hint: "routes consume --accept-loss",
    })
    : new OperationalError("data", `${where} ends before the stored position`, {
      reason: [
        `it was read up to offset ${position}, but now ends at ${high}`,
        "the topic was truncated, or deleted and recreated",
      ],
      hint: REPLAY,
    });
}

/** The error when the last record read is no longer at its offset. */
export function otherRecord(topic: string, partition: number, offset: number): OperationalError {
  return new OperationalError(
    "data",
    `partition ${partition} of topic "${topic}" has changed since it was read`,
    {
      reason: `offset ${offset} now holds a different record: the topic was deleted and recreated`,
      hint: REPLAY,
    },
  );
}

/** The error when the topic has another id than before; `from` and `to` are the ids. */
export function recreated(topic: string, from: string, to: string): OperationalError {
  return new OperationalError("data", `topic "${topic}" was deleted and recreated`, {
    reason: `the topic that was used before had the id ${from}, this one has ${to}`,
    hint: REPLAY,
  });
}

/** Throws when a source was read from a topic of the same name with another id. */
export function checkTopicId(
  topic: string,
  id: string | null,
  sources: { topicId: string | null }[],
): void {
  for (const { topicId } of sources) {
    if (id && topicId && topicId !== id) throw recreated(topic, topicId, id);
  }
}

/** The error when partitions that were read no longer exist: topics only grow, so the topic was recreated. */
export function fewerPartitions(topic: string, gone: number[], count: number): OperationalError {
  return new OperationalError("data", `topic "${topic}" has fewer partitions than before`, {
    reason: `partitions ${
      gone.join(", ")
    } were read, now there are ${count}: the topic was recreated`,
    hint: "start again in a new schema: set [postgresql] schema, then run routes migrate",
  });
}

/** The error when --from is given for a topic that was already read. */
export function readBefore(
  topic: string,
  sources: { partition: number; nextOffset: number }[],
): OperationalError {
  return new OperationalError("data", `--from is refused: topic "${topic}" was already read`, {
    reason: sources.slice(0, 3).map(({ partition, nextOffset }) =>
      `partition ${partition} is read up to offset ${nextOffset}`
    ),
    hint: "routes consume goes on there; --skip-to goes forward, --replay back",
  });
}
