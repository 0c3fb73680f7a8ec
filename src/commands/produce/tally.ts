import type { ProduceOptions } from "../../cli/commands/produce.ts";
import type { Outcome } from "../../kafka/sender.ts";
import {
  formatCount,
  formatCourse,
  formatMany,
  formatRate,
  formatSpan,
  timeLeft,
} from "../../units.ts";

/** The counts of a run. */
export interface ProduceTally {
  topic: string;
  /** With `startMs` and the same flags, it generates the same records again; null with `--stdin`. */
  seed: number | null;
  startMs: number | null;
  /** Generated or read; records that were never sent are in none of the counts below. */
  made: number;
  /** How many of them are deliberately invalid. */
  invalid: number;
  /** Lines of stdin that are not valid records. */
  skipped: number;
  acked: number;
  failed: number;
  unknown: number;
  seconds: number;
}

/** The tally before the first record; `start`: what determines the records, null with --stdin. */
export function openTally(
  topic: string,
  start: { seed: number; startMs: number } | null,
): ProduceTally {
  const { seed, startMs } = start ?? { seed: null, startMs: null };
  return {
    topic,
    seed,
    startMs,
    made: 0,
    invalid: 0,
    skipped: 0,
    acked: 0,
    failed: 0,
    unknown: 0,
    seconds: 0,
  };
}

/** Adds the outcome of one send. */
export function addUp(tally: ProduceTally, outcome: Outcome, elapsedMs: number): void {
  tally.acked += outcome.acked;
  tally.failed += outcome.failed;
  tally.unknown += outcome.unknown;
  tally.seconds = elapsedMs / 1000;
}

/** The last line of a run; `dry`: the records were only printed. */
export function summarize(tally: ProduceTally, { dry }: { dry: boolean }): string {
  const { topic, made, skipped, acked, failed, unknown, seconds, seed } = tally;
  const took = `in ${formatSpan(seconds)}`;
  const rate = formatRate(seconds > 0 ? acked / seconds : 0);
  const counts = dry
    ? `made ${formatMany(made, "record")} ${took}, sent none`
    : `sent ${formatMany(acked, "record")} to ${topic} ${took} (${rate}), ` +
      `${formatCount(failed)} failed, ${formatCount(unknown)} unknown`;
  const lines = skipped > 0 ? `, ${formatMany(skipped, "line")} skipped` : "";
  return seed === null ? counts + lines : `${counts} · seed ${seed}`;
}

/** The progress line: count and total, current rate, elapsed and remaining time. */
export function describeProgress(
  { acked, seconds }: Pick<ProduceTally, "acked" | "seconds">,
  { count, durationMs, stdin }: Pick<ProduceOptions, "count" | "durationMs" | "stdin">,
  perSecond: number,
): string {
  const total = stdin ? null : count;
  const byCount = total === null ? Infinity : timeLeft(total - acked, perSecond);
  const byTime = durationMs === null ? Infinity : Math.max(durationMs - seconds * 1000, 0);
  return `sent ${formatCount(acked)}${total === null ? "" : ` of ${formatCount(total)}`} · ` +
    `${formatRate(perSecond)} · ` +
    formatCourse(seconds * 1000, Math.min(byCount, byTime));
}
