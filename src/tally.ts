import { formatClock, formatCount } from "./time.ts";

/** What became of the records that this run has settled. */
export interface Tally {
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

/** The line on the way. */
export function status({ stored, read, rejected, lag, seconds }: Tally): string {
  const rate = formatCount(Math.round(read / Math.max(seconds, 0.001)));
  return `stored ${formatCount(stored)} · ${rate}/s · lag ${formatCount(lag)} · ` +
    `rejected ${formatCount(rejected)} · ${formatClock(seconds * 1000)}`;
}

/** The line at the end. */
export function summary(tally: Tally): string {
  const { read, stored, rejected, reasons, tombstones, lag, seconds } = tally;
  const rate = formatCount(Math.round(read / Math.max(seconds, 0.001)));
  const byCode = Object.entries(reasons)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([code, count]) => `${code} ${formatCount(count)}`);
  return `read ${formatCount(read)} records in ${seconds.toFixed(1)} s (${rate}/s): ` +
    `${formatCount(stored)} stored, ${formatCount(rejected)} rejected` +
    (byCode.length > 0 ? ` (${byCode.join(", ")})` : "") +
    `, ${formatCount(tombstones)} ${tombstones === 1 ? "tombstone" : "tombstones"} · lag ${
      formatCount(lag)
    }`;
}
