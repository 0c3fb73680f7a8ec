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
  /** Records not yet settled in the whole topic; null: unknown. */
  lag: number | null;
  seconds: number;
}

/** A lag that was known some time ago. */
export interface KnownLag {
  lag: number;
  ageMs: number;
}

/** The progress line; `ends`: the run ends when the lag is 0. */
export function status(
  { stored, rejected, lag, seconds }: RunSummary,
  { perSecond, ends, known }: { perSecond: number; ends: boolean; known: KnownLag | null },
): string {
  const leftMs = ends && lag !== null ? timeLeft(lag, perSecond) : Infinity;
  return `stored ${formatCount(stored)} · ${formatRate(perSecond)} · ` +
    `lag ${formatLag(lag, known)} · rejected ${formatCount(rejected)} · ` +
    formatCourse(seconds * 1000, leftMs);
}

/** The last line of a run. */
export function formatSummary(summary: RunSummary, known: KnownLag | null): string {
  const { read, stored, rejected, reasons, tombstones, lag, seconds } = summary;
  const rate = formatRate(read / Math.max(seconds, 0.001));
  return `read ${formatMany(read, "record")} in ${formatSpan(seconds)} (${rate}): ` +
    `${formatCount(stored)} stored, ${formatCount(rejected)} rejected` +
    byCode(reasons) +
    `, ${formatMany(tombstones, "tombstone")} · lag ${formatLag(lag, known)}`;
}

/** The lag, or `?` with the last known value and its age: `? (27 000, 23 s ago)`. */
function formatLag(lag: number | null, known: KnownLag | null): string {
  if (lag !== null) return formatCount(lag);
  if (!known) return "?";
  return `? (${formatCount(known.lag)}, ${formatCount(Math.round(known.ageMs / 1000))} s ago)`;
}

/** ` (json_syntax 12, utf8 3)`: the most frequent first; empty without rejects. */
export function byCode(reasons: Record<string, number>): string {
  const counts = Object.entries(reasons)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${formatCount(count)}`);
  return counts.length > 0 ? ` (${counts.join(", ")})` : "";
}
