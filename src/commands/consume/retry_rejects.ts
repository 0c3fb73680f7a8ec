import type { Retry } from "../../postgres/rejects.ts";
import type { Source } from "../../postgres/store.ts";
import { type Points, validate } from "../../record/validate.ts";
import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatClock, formatCount, formatMany } from "../../units.ts";
import type { PostgresErrors } from "../open_postgres.ts";
import { Backoff, OUTAGE_MAX_MS } from "./backoff.ts";
import { byCode } from "./summary.ts";

/** What retrying rejects depends on. */
export interface RetryDeps {
  postgres: Retry & PostgresErrors & {
    sources(): Promise<Pick<Source, "id">[]>;
  };
  reporter: Pick<Reporter, "note" | "progress">;
  system: Pick<System, "clock" | "sleep" | "random" | "signal">;
}

/** The result of a retry. */
interface RetrySummary {
  moved: number;
  remain: number;
  /** Remaining rejects by code. */
  reasons: Record<string, number>;
}

/** Validates the kept rejects again and moves the valid ones into the table. Safe to repeat and to run concurrently. */
export async function runRetry(
  { batchSize, strict = false }: { batchSize: number; strict?: boolean },
  deps: RetryDeps,
): Promise<RetrySummary> {
  const { postgres, reporter, system: { signal, clock } } = deps;
  const startedAt = clock();
  const backoff = new Backoff(OUTAGE_MAX_MS, deps);
  let [moved, checked] = [0, 0];
  // The first call is not retried: a database that was never reached is more likely a wrong setting than an outage.
  for (const { id } of await backoff.retry(AbortSignal.abort(), postgres.sources)) {
    for (let from = 0; !signal.aborted;) {
      const messages = await backoff.retry(signal, () => postgres.kept(id, from, batchSize));
      if (messages.length === 0) break;
      from = Number(messages.at(-1)!.offset) + 1;
      const { points } = validate(messages, { strict });
      if (points.offsets.length > 0) moved += await move(id, points, backoff, deps);
      checked += messages.length;
      reporter.progress(
        `checked ${formatMany(checked, "reject")} · moved ${formatCount(moved)} · ` +
          formatClock(clock() - startedAt),
      );
    }
  }
  const reasons = await backoff.retry(signal, postgres.remaining);
  const remain = Object.values(reasons).reduce((sum, count) => sum + count, 0);
  const retried = { moved, remain, reasons };
  reporter.note(describeRetried(retried));
  return retried;
}

/**
 * Moves records into the table and returns how many were moved. Halves what the database refuses until the invalid
 * record is alone; that record stays a reject.
 */
async function move(
  source: number,
  points: Points,
  backoff: Backoff,
  deps: RetryDeps,
): Promise<number> {
  const { postgres, system: { signal } } = deps;
  let isRefused = false;
  let isUncertain = false;
  const moved = await backoff.retry(signal, async () => {
    try {
      const result = await postgres.move(source, points);
      // After a lost connection the statement may have been executed: then its rows are in the table already.
      return result.moved + (isUncertain ? result.before : 0);
    } catch (error) {
      isUncertain = true;
      if (postgres.judge(error).act !== "reject") throw error;
      isRefused = true;
      return 0;
    }
  });
  const count = points.offsets.length;
  if (!isRefused || count === 1) return moved;
  const half = Math.ceil(count / 2);
  const first = await move(source, slice(points, 0, half), backoff, deps);
  if (signal.aborted) return first;
  return first + await move(source, slice(points, half, count), backoff, deps);
}

function slice(points: Points, from: number, to: number): Points {
  return {
    offsets: points.offsets.slice(from, to),
    userIDs: points.userIDs.slice(from, to),
    timestamps: points.timestamps.slice(from, to),
    latitudes: points.latitudes.slice(from, to),
    longitudes: points.longitudes.slice(from, to),
  };
}

function describeRetried({ moved, remain, reasons }: RetrySummary): string {
  return `moved ${formatCount(moved)} of ${formatMany(moved + remain, "reject")} into the table, ` +
    `${formatCount(remain)} remain` + byCode(reasons);
}
