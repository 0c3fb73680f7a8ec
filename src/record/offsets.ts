import { OperationalError } from "../errors.ts";

/** Offsets of a partition that can be read now: [low, high). */
export interface Range {
  low: number;
  /** The last stable offset: records of open transactions lie beyond it. */
  high: number;
}

/** A place in every partition, as the command line names it; `ms` since 1970. */
export type Spec =
  | { at: "earliest" }
  | { at: "latest" }
  | { at: "offset"; offset: number }
  | { at: "time"; ms: number }
  | { at: "last"; count: number };

/** The offset of `spec` in one partition; `atTime` is the first offset that is not older than a time. */
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

/** Whether reading can go on at `position`. */
export function holds({ low, high }: Range, position: number): boolean {
  return low <= position && position <= high;
}

const REPLAY = "routes consume --replay earliest, which takes what was stored of it out first";

/** The failure when the log does not hold the position that the database has. */
export function contradiction(
  topic: string,
  partition: number,
  position: number,
  { low, high }: Range,
): OperationalError {
  const where = `partition ${partition} of topic "${topic}"`;
  return position < low
    ? new OperationalError("data", `${where} lost ${low - position} records unread`, {
      reason: `offsets ${position} to ${low - 1} were deleted before they were read`,
      hint: "routes consume --accept-loss",
    })
    : new OperationalError("data", `${where} ends before what was already read`, {
      reason: [
        `it was read up to offset ${position}, and now ends at ${high}`,
        "it was truncated, or deleted and made anew",
      ],
      hint: REPLAY,
    });
}

/** The failure when the log holds another record where the last one was read. */
export function otherRecord(topic: string, partition: number, offset: number): OperationalError {
  return new OperationalError(
    "data",
    `partition ${partition} of topic "${topic}" is not what was read`,
    {
      reason: `offset ${offset} holds another record now: the topic was deleted and made anew`,
      hint: REPLAY,
    },
  );
}

/** The failure when partitions that were read are gone: topics only grow, so this is another one of the same name. */
export function fewerPartitions(topic: string, gone: number[], count: number): OperationalError {
  return new OperationalError("data", `topic "${topic}" has fewer partitions than before`, {
    reason: `partitions ${
      gone.join(", ")
    } were read, now there are ${count}: the topic was made anew`,
    hint: "begin anew in a schema of its own: set [postgresql] schema, then routes migrate",
  });
}

/** The refusal of --from where reading has begun. */
export function readBefore(
  topic: string,
  sources: { partition: number; nextOffset: number }[],
): OperationalError {
  return new OperationalError("data", `--from comes too late: topic "${topic}" was read before`, {
    reason: sources.slice(0, 3).map(({ partition, nextOffset }) =>
      `partition ${partition} is read up to offset ${nextOffset}`
    ),
    hint: "routes consume",
  });
}
