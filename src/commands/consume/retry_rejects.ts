import { Backoff, OUTAGE_MAX_MS } from "./backoff.ts";
import { type Message, type Points, validate } from "../../record/validate.ts";
import { byCode } from "./summary.ts";
import { formatClock, formatCount } from "../../units.ts";

/** What retrying rejects depends on. */
export interface RetryDeps {
  sources(): Promise<{ id: number }[]>;
  /** The next kept rejects of a source from offset `from` on, as they were received; empty at the end. */
  kept(source: number, from: number, countMax: number): Promise<Message[]>;
  /** In one statement moves these from the rejects into the table and corrects the counts. */
  move(source: number, points: Points): Promise<Moved>;
  /** How many rejects of the topic are kept, by code. */
  remaining(): Promise<Record<string, number>>;
  /** Whether to reject the data, to wait and retry, or to stop. */
  judge(error: unknown): { act: "reject" | "wait" | "stop"; state: string };
  /** The failure as a message with a hint. */
  explain(error: unknown): Error;
  note(line: string): void;
  progress(line: string): void;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

/** How many records a statement moved, and how many of them were in the table before. */
export interface Moved {
  moved: number;
  before: number;
}

/** The result of a retry. */
export interface RetrySummary {
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
  const { signal, clock } = deps;
  const startedAt = clock();
  const backoff = new Backoff(OUTAGE_MAX_MS, { ...deps, ledger: deps });
  let [moved, checked] = [0, 0];
  // The first call is not retried: a database that was never reached is more likely a wrong setting than an outage.
  for (const { id } of await backoff.retry(AbortSignal.abort(), deps.sources)) {
    for (let from = 0; !signal.aborted;) {
      const messages = await backoff.retry(signal, () => deps.kept(id, from, batchSize));
      if (messages.length === 0) break;
      from = Number(messages.at(-1)!.offset) + 1;
      const { points } = validate(messages, { strict });
      if (points.offsets.length > 0) await move(id, points);
      checked += messages.length;
      deps.progress(
        `checked ${formatCount(checked)} rejects · moved ${formatCount(moved)} · ` +
          formatClock(clock() - startedAt),
      );
    }
  }
  const reasons = await backoff.retry(signal, deps.remaining);
  const remain = Object.values(reasons).reduce((sum, count) => sum + count, 0);
  const retried = { moved, remain, reasons };
  deps.note(describeRetried(retried));
  return retried;

  /** Halves what the database refuses until the invalid record is alone; that record stays a reject. */
  async function move(source: number, points: Points): Promise<void> {
    let isRefused = false;
    let isUncertain = false;
    await backoff.retry(signal, async () => {
      try {
        const result = await deps.move(source, points);
        // After a lost connection the statement may have been executed: then its rows are in the table already.
        moved += result.moved + (isUncertain ? result.before : 0);
      } catch (error) {
        isUncertain = true;
        if (deps.judge(error).act !== "reject") throw error;
        isRefused = true;
      }
    });
    const count = points.offsets.length;
    if (!isRefused || count === 1) return;
    const half = Math.ceil(count / 2);
    await move(source, slice(points, 0, half));
    if (!signal.aborted) await move(source, slice(points, half, count));
  }
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
  return `moved ${formatCount(moved)} of ${formatCount(moved + remain)} rejects into the table, ` +
    `${formatCount(remain)} remain` + byCode(reasons);
}
