import { Backoff } from "./backoff.ts";
import { type Message, type Points, validate } from "../../record/validate.ts";
import { byCode } from "./summary.ts";
import { formatClock, formatCount } from "../../units.ts";

/** What retrying needs of the world. */
export interface RetryDeps {
  sources(): Promise<{ id: number }[]>;
  /** The next kept rejects of a source from offset `from` on, as they came; none: there are no more. */
  kept(source: number, from: number, countMax: number): Promise<Message[]>;
  /** In one statement takes these out of the rejects and into the table, and corrects the counts. */
  move(source: number, points: Points): Promise<Moved>;
  /** How many rejects of the topic are kept, by code. */
  remaining(): Promise<Record<string, number>>;
  /** What a failure means: the data is at fault, or it will pass, or it will not. */
  judge(error: unknown): { act: "reject" | "wait" | "stop"; state: string };
  /** The same failure in words, with a fix. */
  explain(error: unknown): Error;
  note(line: string): void;
  progress(line: string): void;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

/** How many a statement moved, and how many of those it was given were in the table before it. */
export interface Moved {
  moved: number;
  before: number;
}

/** What became of the rejects. */
export interface Retried {
  moved: number;
  remain: number;
  /** Those that remain, by code. */
  reasons: Record<string, number>;
}

/** How long to wait for a database that is away. */
const PATIENCE_MS = 120_000;

/** Judges the kept rejects again; those that pass now move into the table. Safe to repeat, and beside others. */
export async function runRetry(
  { batchSize, strict = false }: { batchSize: number; strict?: boolean },
  deps: RetryDeps,
): Promise<Retried> {
  const { signal, clock } = deps;
  const startedAt = clock();
  const patience = new Backoff(PATIENCE_MS, { ...deps, ledger: deps });
  let [moved, judged] = [0, 0];
  // No patience yet: a database that was never reached is rather a wrong setting than an outage.
  for (const { id } of await patience.repeat(AbortSignal.abort(), deps.sources)) {
    for (let from = 0; !signal.aborted;) {
      const messages = await patience.repeat(signal, () => deps.kept(id, from, batchSize));
      if (messages.length === 0) break;
      from = Number(messages.at(-1)!.offset) + 1;
      const { points } = validate(messages, { strict });
      if (points.offsets.length > 0) await move(id, points);
      judged += messages.length;
      deps.progress(
        `judged ${formatCount(judged)} rejects · moved ${formatCount(moved)} · ` +
          formatClock(clock() - startedAt),
      );
    }
  }
  const reasons = await patience.repeat(signal, deps.remaining);
  const remain = Object.values(reasons).reduce((sum, count) => sum + count, 0);
  const retried = { moved, remain, reasons };
  deps.note(describeRetried(retried));
  return retried;

  /** Halves what the database refuses until the record at fault is alone; that one stays a reject. */
  async function move(source: number, points: Points): Promise<void> {
    let refused = false;
    let open = false;
    await patience.repeat(signal, async () => {
      try {
        const done = await deps.move(source, points);
        // After a lost connection nobody knows whether the statement was carried out: then its rows are there.
        moved += done.moved + (open ? done.before : 0);
      } catch (error) {
        open = true;
        if (deps.judge(error).act !== "reject") throw error;
        refused = true;
      }
    });
    const count = points.offsets.length;
    if (!refused || count === 1) return;
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

function describeRetried({ moved, remain, reasons }: Retried): string {
  return `moved ${formatCount(moved)} of ${formatCount(moved + remain)} rejects into the table, ` +
    `${formatCount(remain)} remain` + byCode(reasons);
}
