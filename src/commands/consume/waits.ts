import type { Reporter } from "../../terminal/reporter.ts";
import { formatClock, formatMany } from "../../units.ts";
import type { Backoff } from "./backoff.ts";
import type { Progress } from "./progress.ts";
import type { RunStats } from "./stats.ts";

/** What keeps waiting records from being settled; the values of a metric's label. */
export const WAIT_REASONS = ["postgresql", "kafka", "group", "members", "records"] as const;

/** Why records wait, and since when. */
export interface Wait {
  reason: (typeof WAIT_REASONS)[number];
  /** What follows `waiting for`. */
  text: string;
  /** Milliseconds of the clock that never jumps. */
  since: number;
}

/** An outage of a server, or of one way to use it. */
export interface Outage {
  since: number;
  why: string;
}

/** The parts of a run that know what it waits for. */
interface WaitSources {
  progress: Pick<
    Progress,
    "isAssigned" | "isOwnSettled" | "isSettling" | "topicPartitions" | "elsewhere"
  >;
  stats: Pick<RunStats, "waitingMs">;
  backoff: Pick<Backoff, "outage">;
  /** How long a member that has died keeps its partitions. */
  sessionTimeoutMs: number;
  reporter: Pick<Reporter, "note">;
  clock(): number;
}

/** Records that wait for less need no explanation. */
const QUIET_MS = 2_000;

const OVER: Record<Wait["reason"], string | null> = {
  postgresql: "PostgreSQL is back",
  kafka: "Kafka is back",
  group: "the group has assigned the partitions",
  // Others have settled their part, or this process has got it: the summary tells.
  members: null,
  records: "Kafka delivers records again",
};

/** Knows what a run waits for, and notes each wait and its end. */
export class Waits {
  readonly #from: WaitSources;
  /** Why the last membership of the group ended. */
  #membership: Outage | null = null;
  /** Why the last question about the topic was not answered. */
  readonly #questions: { kafka: Outage | null; postgresql: Outage | null } = {
    kafka: null,
    postgresql: null,
  };
  readonly #answeredAt: { kafka: number; postgresql: number };
  #assignedAt: number | null = null;
  #current: Wait | null = null;
  #noted: Wait | null = null;

  constructor(from: WaitSources) {
    this.#from = from;
    const now = from.clock();
    this.#answeredAt = { kafka: now, postgresql: now };
  }

  /** What the records wait for; null: none have waited for long. */
  get current(): Wait | null {
    return this.#current;
  }

  /** For how long Kafka or PostgreSQL has not answered. */
  silentMs(service: "kafka" | "postgresql"): number {
    return this.#from.clock() - this.#answeredAt[service];
  }

  /** A membership of the group ended early. */
  membershipEnded(why: string): void {
    this.#membership = { since: this.#membership?.since ?? this.#from.clock(), why };
  }

  /** A service has answered a question about the topic, or not: `why`. */
  asked(service: "kafka" | "postgresql", why: string | null): void {
    const now = this.#from.clock();
    if (why === null) this.#answeredAt[service] = now;
    this.#questions[service] = why === null
      ? null
      : { since: this.#questions[service]?.since ?? now, why };
  }

  /** Looks at what the run waits for, and notes when that changes. */
  update(): void {
    const { progress, stats, clock } = this.#from;
    this.#assignedAt = progress.isAssigned ? this.#assignedAt ?? clock() : null;
    if (progress.isAssigned) this.#membership = null;
    const before = this.#current;
    if (stats.waitingMs < QUIET_MS) this.#current = null;
    // Right after an assignment the first records are on their way.
    else if (this.#assignedAt === null || clock() - this.#assignedAt >= QUIET_MS) {
      const found = this.#find();
      this.#current = before?.reason === found.reason ? { ...found, since: before.since } : found;
    }
    if (this.#current?.reason !== before?.reason) this.#noteChange();
  }

  #noteChange(): void {
    const { backoff, reporter, clock } = this.#from;
    const [noted, current] = [this.#noted, this.#current];
    this.#noted = current;
    if (current === null) {
      const over = noted && OVER[noted.reason];
      if (over) reporter.note(`${over} after ${formatClock(clock() - noted.since)}`, "resumed");
      return;
    }
    // Failures are noted where they happen, and waits for members by Owners.
    if (backoff.outage || this.#membership || current.reason === "members") return;
    reporter.note(`waiting for ${current.text}`, "waiting");
  }

  #find(): Wait {
    const { progress, stats, backoff, sessionTimeoutMs, clock } = this.#from;
    const since = clock() - stats.waitingMs;
    const { kafka, postgresql } = this.#questions;
    const database = backoff.outage ?? postgresql;
    if (database) {
      const { why, since } = database;
      return { reason: "postgresql", text: `PostgreSQL: ${why}`, since };
    }
    const broker = this.#membership ?? kafka;
    if (broker) return { reason: "kafka", text: `Kafka: ${broker.why}`, since: broker.since };
    if (!progress.isAssigned) {
      const text = "the group to assign partitions; " +
        `a member that died keeps its partitions for ${sessionTimeoutMs / 1000} s`;
      return { reason: "group", text, since };
    }
    if (progress.isOwnSettled && progress.elsewhere.size > 0) {
      const text = `other members, which own ${progress.elsewhere.size} of ` +
        formatMany(progress.topicPartitions ?? progress.elsewhere.size, "partition");
      return { reason: "members", text, since };
    }
    if (progress.isSettling) {
      return { reason: "postgresql", text: "PostgreSQL to finish a statement", since };
    }
    return { reason: "records", text: "Kafka to deliver records", since };
  }
}

/** A wait with its length, for a status line: `waiting for PostgreSQL: no answer (0:12)`. */
export function describeWait({ text, since }: Wait, now: number): string {
  return `waiting for ${text} (${formatClock(now - since)})`;
}
