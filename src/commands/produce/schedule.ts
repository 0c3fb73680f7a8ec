import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { UsageError } from "../../errors.ts";
import { CALENDAR_END_MS, formatMany } from "../../units.ts";
import { elapsedMs } from "./generator.ts";

const DEFAULT_INTERVAL_MS = 5_000;

/** Whether the run continues until it is stopped. */
export function isOpenEnded({ count, durationMs, stdin }: ProduceOptions): boolean {
  return count === null && durationMs === null && !stdin;
}

/** Options with a known interval. */
export type Regular = ProduceOptions & { intervalMs: number };

/**
 * A run with a rate and no end goes on with the time of day, so that it does not run into the future: unless a user would
 * have several fixes a millisecond, which would be the same record several times.
 */
export function chooseInterval(options: ProduceOptions): number {
  const { intervalMs, ratePerSecond, users } = options;
  if (intervalMs !== null) return intervalMs;
  return isOpenEnded(options) && ratePerSecond !== null
    ? Math.max(users * 1000 / ratePerSecond, 1)
    : DEFAULT_INTERVAL_MS;
}

/** The time of the first fix. By default the last fix is about now, as far as the number of records is known. */
export function chooseStart(options: Regular, nowMs: number): number {
  if (options.startMs !== null) return options.startMs;
  const { count, durationMs, ratePerSecond } = options;
  const byTime = durationMs !== null && ratePerSecond !== null
    ? Math.floor(durationMs * ratePerSecond / 1000) + 1
    : Infinity;
  const expected = Math.min(count ?? Infinity, byTime);
  return expected === Infinity
    ? nowMs
    : Math.max(0, nowMs - elapsedMs(Math.max(expected - 1, 0), options));
}

/** How many records to generate: all must be before the year 10000. */
export function boundCount({ count, users, intervalMs }: Regular, startMs: number): number {
  const countMax = Math.floor((CALENDAR_END_MS - startMs) / intervalMs) * users;
  if (count !== null && count > countMax) {
    throw new UsageError(
      `--count ${count} runs past the year 9999: at most ${formatMany(countMax, "record")} fit`,
      "a shorter --interval, more --users or an earlier --start",
    );
  }
  return count ?? countMax;
}
