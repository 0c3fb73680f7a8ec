import { formatClock } from "../../units.ts";
import type { Run } from "./consume.ts";
import type { RunCounts } from "./summary.ts";
import type { Wait } from "./waits.ts";

/** The state of a consumer for monitoring. */
export interface Health extends RunCounts {
  /** Records not yet settled in the whole topic; null: unknown. */
  lag: number | null;
  /** The same by partition of the topic. */
  lags: Map<number, number | null>;
  /** When the lag was last known, in milliseconds since 1970; null: never. */
  lagKnownAt: number | null;
  /** Since the last record was settled or, before that, since the start of the run. */
  settledMs: number;
  /** How long records have been waiting without any being settled. */
  waitingMs: number;
  /** Whether this run has settled a record, or found none to settle. */
  isProven: boolean;
  /** Whether other members of the group keep partitions from being settled. */
  isBlocked: boolean;
  /** What records wait for, and for how long; null: none has waited for long. */
  wait: (Pick<Wait, "reason" | "text"> & { ms: number }) | null;
  /** Since each service last answered. */
  silentMs: { kafka: number; postgresql: number };
  assignedPartitions: number;
  /** Null: not known yet. */
  topicPartitions: number | null;
}

/** The body of `/ready`. */
export interface Readiness {
  ready: boolean;
  reason: string;
  lag: number | null;
}

/** A service that has not answered for this long is not there, and a consumer that settled nothing is stuck. */
const LIMIT_MS = 60_000;

/** The state of a run. */
export function healthOf({ deps, stats, progress, owners, waits }: Run): Health {
  const { lag, lags, lagKnownAt, assignedPartitions, topicPartitions } = progress;
  const { current } = waits;
  return {
    ...stats.health(),
    lag,
    lags,
    lagKnownAt,
    isBlocked: owners.isBlocked,
    wait: current && {
      reason: current.reason,
      text: current.text,
      ms: deps.system.clock() - current.since,
    },
    silentMs: { kafka: waits.silentMs("kafka"), postgresql: waits.silentMs("postgresql") },
    assignedPartitions,
    topicPartitions,
  };
}

/** Whether the consumer keeps up or makes progress, and why; `health` is null before it has started. */
export function readiness(health: Health | null): Readiness {
  if (!health) return { ready: false, reason: "not started", lag: null };
  const { lag, wait, waitingMs } = health;
  const no = (reason: string) => ({ ready: false, reason, lag });
  if (health.isBlocked) return no("other members of the group keep partitions from being settled");
  for (const [name, key] of [["Kafka", "kafka"], ["PostgreSQL", "postgresql"]] as const) {
    const ms = health.silentMs[key];
    if (ms >= LIMIT_MS) return no(`${name} has not answered for ${formatClock(ms)}`);
  }
  if (lag === 0) return { ready: true, reason: "every record is settled", lag };
  if (health.isProven && waitingMs < LIMIT_MS) {
    return { ready: true, reason: "records are being settled", lag };
  }
  if (wait) return no(`waiting for ${wait.text} (${formatClock(wait.ms)})`);
  return no(`no record was settled for ${formatClock(waitingMs)}`);
}
