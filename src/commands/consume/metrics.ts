import type { Health } from "./health.ts";
import { WAIT_REASONS } from "./waits.ts";

// Prometheus's text format 0.0.4: for each name its help and type, then one line per value.

/** What metrics say about the process. */
export interface ProcessInfo {
  version: string;
  runtime: string;
  /** When it started, in milliseconds since 1970. */
  startedAt: number;
  residentBytes: number;
}

/** A Prometheus histogram of durations. */
export class Histogram {
  readonly #counts = BOUNDS_S.map(() => 0);
  #count = 0;
  #sum = 0;

  add(seconds: number): void {
    for (const [i, bound] of BOUNDS_S.entries()) if (seconds <= bound) this.#counts[i]!++;
    this.#count++;
    this.#sum += seconds;
  }

  lines(name: string): string[] {
    return [
      ...BOUNDS_S.map((bound, i) => line(`${name}_bucket`, { le: bound }, this.#counts[i]!)),
      line(`${name}_bucket`, { le: "+Inf" }, this.#count),
      line(`${name}_sum`, {}, this.#sum),
      line(`${name}_count`, {}, this.#count),
    ];
  }
}

const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** A service that has not answered for longer is down. */
const UP_MS = 15_000;

/** All metrics as text; `health` is null before the consumer has started. */
export function metricsText(
  health: Health | null,
  statements: Histogram,
  { version, runtime, startedAt, residentBytes }: ProcessInfo,
): string {
  const name = "routes_statement_seconds";
  return [
    ...head("routes_build_info", "gauge", "The program and its runtime."),
    line("routes_build_info", { version, runtime }, 1),
    ...gauge("process_start_time_seconds", "When the process started.", startedAt / 1000),
    ...gauge("process_resident_memory_bytes", "Memory of the process.", residentBytes),
    ...health ? [...countLines(health), ...stateLines(health)] : [],
    ...head(name, "histogram", "Duration of the statements that settle records."),
    ...statements.lines(name),
  ].join("\n") + "\n";
}

function countLines({ stored, rejected, tombstones, reasons, settledMs }: Health): string[] {
  const outcomes = Object.entries({ stored, rejected, tombstone: tombstones });
  return [
    ...head("routes_records_total", "counter", "Records settled by this process."),
    ...byLabel("routes_records_total", "outcome", outcomes),
    ...head("routes_rejects_total", "counter", "Rejects of this process by code."),
    ...byLabel("routes_rejects_total", "code", Object.entries(reasons)),
    ...gauge(
      "routes_seconds_since_settled",
      "Time since the last record was settled, or the start.",
      settledMs / 1000,
    ),
  ];
}

function stateLines(health: Health): string[] {
  const { lags, lagKnownAt, silentMs, wait, assignedPartitions, topicPartitions } = health;
  const up = Object.entries(silentMs).map(([service, ms]): [string, number] => [
    service,
    ms < UP_MS ? 1 : 0,
  ]);
  const waiting = WAIT_REASONS.map((reason): [string, number] => [
    reason,
    wait?.reason === reason ? wait.ms / 1000 : 0,
  ]);
  return [
    ...head(
      "routes_lag_records",
      "gauge",
      "Records not yet settled, whichever process owns the partition; absent while unknown.",
    ),
    ...byLabel("routes_lag_records", "partition", lags),
    ...lagKnownAt === null ? [] : gauge(
      "routes_lag_known_timestamp_seconds",
      "When Kafka and PostgreSQL last told the lag.",
      lagKnownAt / 1000,
    ),
    ...gauge("routes_assigned_partitions", "Partitions of this process.", assignedPartitions),
    ...topicPartitions === null
      ? []
      : gauge("routes_topic_partitions", "Partitions of the topic.", topicPartitions),
    ...head("routes_up", "gauge", "Whether the service has answered in the last 15 seconds."),
    ...byLabel("routes_up", "service", up),
    ...head("routes_waiting_seconds", "gauge", "How long records have waited, by what for."),
    ...byLabel("routes_waiting_seconds", "reason", waiting),
  ];
}

function gauge(name: string, help: string, value: number): string[] {
  return [...head(name, "gauge", help), line(name, {}, value)];
}

/** One line per value; none for null, which is unknown. */
function byLabel(
  name: string,
  label: string,
  values: Iterable<[string | number, number | null]>,
): string[] {
  return [...values].flatMap(([text, value]) =>
    value === null ? [] : [line(name, { [label]: text }, value)]
  );
}

function head(name: string, type: "counter" | "gauge" | "histogram", help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function line(name: string, labels: Record<string, string | number>, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escape(`${text}`)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs}}` : ""} ${value}`;
}

function escape(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
