import {
  formatCount,
  formatCourse,
  formatMany,
  formatRate,
  formatSpan,
  timeLeft,
} from "../../units.ts";

/** Counts of the records that this run has settled. */
export interface RunCounts {
  read: number;
  stored: number;
  rejected: number;
  /** Rejects by code. */
  reasons: Record<string, number>;
  tombstones: number;
}

/** The result of a run. */
export interface RunSummary extends RunCounts {
  /** Records not yet settled in the partitions of this process. */
  lag: number;
  seconds: number;
}

/** The progress line; `ends`: the run ends when the lag is 0. */
export function status(
  { stored, rejected, lag, seconds }: RunSummary,
  { perSecond, ends }: { perSecond: number; ends: boolean },
): string {
  const leftMs = ends ? timeLeft(lag, perSecond) : Infinity;
  return `stored ${formatCount(stored)} · ${formatRate(perSecond)} · ` +
    `lag ${formatCount(lag)} · rejected ${formatCount(rejected)} · ` +
    formatCourse(seconds * 1000, leftMs);
}

/** The last line of a run. */
export function formatSummary(summary: RunSummary): string {
  const { read, stored, rejected, reasons, tombstones, lag, seconds } = summary;
  const rate = formatRate(read / Math.max(seconds, 0.001));
  return `read ${formatMany(read, "record")} in ${formatSpan(seconds)} (${rate}): ` +
    `${formatCount(stored)} stored, ${formatCount(rejected)} rejected` +
    byCode(reasons) +
    `, ${formatMany(tombstones, "tombstone")} · lag ${formatCount(lag)}`;
}

/** ` (json_syntax 12, utf8 3)`: the most frequent first; empty without rejects. */
export function byCode(reasons: Record<string, number>): string {
  const counts = Object.entries(reasons)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${formatCount(count)}`);
  return counts.length > 0 ? ` (${counts.join(", ")})` : "";
}
