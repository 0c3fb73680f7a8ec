import type { RunCounts } from "./summary.ts";

// Prometheus's text format 0.0.4: for each name its help and type, then one line per value.

/** The state of a consumer for monitoring. */
export interface Health extends RunCounts {
  /** Records not yet settled, by partition of the topic; null: unknown. */
  lags: Map<number, number | null>;
  /** Since the last record was settled or, before that, since the start of the run. */
  settledMs: number;
  /** How long records have been waiting without any being settled. */
  stuckMs: number;
  /** Whether other members of the group keep partitions from being settled. */
  isBlocked: boolean;
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

/** A consumer that settles nothing for this long while records wait is not ready. */
const STUCK_MS = 60_000;

/** Whether the consumer keeps up or makes progress; null: it has not started. */
export function isReady(health: Health | null): boolean {
  if (!health || health.isBlocked) return false;
  const isSettled = [...health.lags.values()].every((lag) => lag === 0);
  return isSettled || health.stuckMs < STUCK_MS;
}

/** All metrics as text; `health` is null before the consumer has started. */
export function metricsText(
  health: Health | null,
  statements: Histogram,
  version: string,
): string {
  const name = "routes_statement_seconds";
  return [
    ...head("routes_info", "gauge", "The program."),
    line("routes_info", { version }, 1),
    ...health ? healthLines(health) : [],
    ...head(name, "histogram", "Duration of the statements that settle records."),
    ...statements.lines(name),
  ].join("\n") + "\n";
}

function healthLines({ stored, rejected, tombstones, reasons, lags, settledMs }: Health): string[] {
  const byLabel = (
    name: string,
    label: string,
    values: Iterable<[string | number, number | null]>,
  ) =>
    [...values].flatMap(([text, value]) =>
      value === null ? [] : [line(name, { [label]: text }, value)]
    );
  const outcomes = Object.entries({ stored, rejected, tombstone: tombstones });
  return [
    ...head("routes_records_total", "counter", "Records settled by this process."),
    ...byLabel("routes_records_total", "outcome", outcomes),
    ...head("routes_rejects_total", "counter", "Rejects of this process by code."),
    ...byLabel("routes_rejects_total", "code", Object.entries(reasons)),
    ...head(
      "routes_lag_records",
      "gauge",
      "Records not yet settled, whichever process owns the partition; absent while unknown.",
    ),
    ...byLabel("routes_lag_records", "partition", lags),
    ...head(
      "routes_seconds_since_settled",
      "gauge",
      "Time since the last record was settled, or the start.",
    ),
    line("routes_seconds_since_settled", {}, settledMs / 1000),
  ];
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
