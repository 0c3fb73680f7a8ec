import {
  formatCount,
  formatCourse,
  formatMany,
  formatRate,
  formatSpan,
  timeLeft,
} from "../../units.ts";

/** What became of the records that this run has settled. */
export interface RunSummary {
  read: number;
  stored: number;
  rejected: number;
  /** By code. */
  reasons: Record<string, number>;
  tombstones: number;
  /** Records behind the end of the partitions this process reads. */
  lag: number;
  seconds: number;
}

/** The line on the way; `ends`: when the lag is gone, so is the work. */
export function status(
  { stored, rejected, lag, seconds }: RunSummary,
  { perSecond, ends }: { perSecond: number; ends: boolean },
): string {
  const leftMs = ends ? timeLeft(lag, perSecond) : Infinity;
  return `stored ${formatCount(stored)} · ${formatRate(perSecond)} · ` +
    `lag ${formatCount(lag)} · rejected ${formatCount(rejected)} · ` +
    formatCourse(seconds * 1000, leftMs);
}

/** The line at the end. */
export function summary(tally: RunSummary): string {
  const { read, stored, rejected, reasons, tombstones, lag, seconds } = tally;
  const rate = formatRate(read / Math.max(seconds, 0.001));
  return `read ${formatMany(read, "record")} in ${formatSpan(seconds)} (${rate}): ` +
    `${formatCount(stored)} stored, ${formatCount(rejected)} rejected` +
    byCode(reasons) +
    `, ${formatMany(tombstones, "tombstone")} · lag ${formatCount(lag)}`;
}

/** ` (json_syntax 12, utf8 3)`: the most frequent first; nothing where there are none. */
export function byCode(reasons: Record<string, number>): string {
  const counts = Object.entries(reasons)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${formatCount(count)}`);
  return counts.length > 0 ? ` (${counts.join(", ")})` : "";
}
