import type { ConsumeOptions } from "../../cli/commands/consume.ts";
import { OperationalError } from "../../errors.ts";
import type { Health } from "./metrics.ts";
import { type Range, readBefore } from "../../record/offsets.ts";
import { Backoff, OUTAGE_MAX_MS } from "./backoff.ts";
import { encodePoint } from "../../record/point.ts";
import { Rate } from "../../units.ts";
import { createSettler, type Ledger, type Settle } from "./settle.ts";
import { supervise } from "./supervise.ts";
import { AssignedPartitions } from "./partitions.ts";
import type { Step, Store } from "../../postgres/store.ts";
import type { Message } from "../../record/validate.ts";
import { formatSummary, type RunSummary } from "./summary.ts";
import { RunStats } from "./stats.ts";

/** The options that a run uses; the command handles the others. */
export type RunOptions = Omit<
  ConsumeOptions,
  "replay" | "yes" | "flushMs" | "deadLetterTopic" | "retryRejects" | "http"
>;

/** What a run depends on. */
export interface ConsumeDeps {
  topic: string;
  topicId: string | null;
  ranges(): Promise<Map<number, Range>>;
  offsetsAt(ms: number): Promise<Map<number, number>>;
  /** Throws an explained failure when the user may not read the topic. */
  mayRead(): Promise<void>;
  /** Reads as a member of the group until the signal aborts; throws why it could not continue. */
  read(partitions: AssignedPartitions, signal: AbortSignal): Promise<void>;
  ledger: Ledger & Pick<Store, "sources" | "addSources" | "skip"> & {
    fingerprint(message: Message): string;
  };
  /** Explains a failure of Kafka; returns any other error unchanged. */
  explain(error: unknown): unknown;
  out(text: string): Promise<void>;
  /** Called once the run has started: how to read its health. */
  started?(health: () => Health): void;
  note(line: string): void;
  /** Shows a line that the next line replaces. */
  progress(line: string): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** Resolves early when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

const OFFSETS_RETRY_MS = 1_000;

/** The parts of a run. */
export interface Run {
  options: RunOptions;
  deps: ConsumeDeps;
  partitions: AssignedPartitions;
  stats: RunStats;
  backoff: Backoff;
  rate: Rate;
  /** Aborted to end the run: everything requested is settled, or the user stopped it. */
  done: AbortController;
}

/**
 * Reads records and settles each as row, reject or tombstone until everything requested is settled or a failure ends
 * the run. Throws when the run cannot start.
 */
export async function runConsume(
  options: RunOptions,
  deps: ConsumeDeps,
): Promise<{ summary: RunSummary; failure: Error | null }> {
  const { topic, signal } = deps;
  const run = prepare(options, deps);
  const { partitions, stats, backoff, done } = run;
  const stop = () => done.abort();
  signal.addEventListener("abort", stop, { once: true });
  // A signal that aborted while connecting sends no event any more.
  if (signal.aborted) stop();
  let isStarted = false;
  let failure: Error | null = null;
  try {
    const ranges = await deps.ranges().catch((error) => {
      throw deps.explain(error);
    });
    // The first call is not retried: a database that was never reached is more likely a wrong setting than an outage.
    await backoff.retry(AbortSignal.abort(), () => partitions.load(ranges));
    if (options.from && partitions.sources.length > 0) throw readBefore(topic, partitions.sources);
    await setEnds(run, ranges);
    isStarted = true;
    deps.started?.(() => stats.health(partitions.lags));
    if (!partitions.nothingToRead(ranges)) await supervise(run);
    // When nothing was read, no answer of the broker has shown yet whether the user may read.
    if (stats.read === 0 && !signal.aborted) await deps.mayRead();
    if (isOverMax(run)) throw tooManyRejects(stats.rejected, options.maxRejects!);
  } catch (error) {
    // A run that did not start has no summary.
    if (!isStarted) throw error;
    failure = error as Error;
  } finally {
    signal.removeEventListener("abort", stop);
    done.abort();
  }
  const summary = stats.summary(partitions.lag);
  deps.note(formatSummary(summary));
  return { summary, failure };
}

function prepare(options: RunOptions, deps: ConsumeDeps): Run {
  const { ledger, clock } = deps;
  const done = new AbortController();
  const stats = new RunStats(clock);
  const backoff = new Backoff(options.follow ? Infinity : OUTAGE_MAX_MS, deps);
  const settleStep = createSettler(ledger, {
    rowsMax: options.batchSize,
    statementsMax: 4,
    wait: (...failed) => backoff.wait(...failed),
    async written(step) {
      stats.settled(step);
      if (options.tee) await deps.out(ndjson(step.validated.points));
      // Steps that are being settled finish first, so that the summary matches the database.
      if (isOverMax(run)) done.abort();
    },
  });
  const settle: Settle = async (step, signal) => {
    const reached = await settleStep(step, signal);
    backoff.succeeded();
    return reached;
  };
  const partitions = new AssignedPartitions({
    from: options.from ?? { at: "earliest" },
    count: options.count ?? Infinity,
    batchSize: options.batchSize,
    stopAtReject: options.onReject === "fail",
    acceptLoss: options.acceptLoss,
    strict: options.strict,
  }, { ...deps, ...ledger, settle, retry: (...work) => backoff.retry(...work), done });
  const run = { options, deps, partitions, stats, backoff, rate: new Rate(), done };
  return run;
}

function isOverMax({ options: { maxRejects }, stats }: Run): boolean {
  return maxRejects !== null && stats.rejected > maxRejects;
}

async function setEnds(run: Run, ranges: Map<number, Range>): Promise<void> {
  const { options, deps, partitions } = run;
  if (options.follow) return;
  const until = options.until ?? { at: "latest" };
  if (until.at !== "time" || until.ms <= deps.now()) {
    return partitions.endAt(await partitions.resolve(until, ranges));
  }
  void endLater(run, until.ms);
}

/** The offsets of a future time are only known once it is reached. */
async function endLater({ deps, partitions, done }: Run, ms: number): Promise<void> {
  // The system clock may be set back in the meantime.
  while (!done.signal.aborted && deps.now() < ms) await deps.sleep(ms - deps.now(), done.signal);
  while (!done.signal.aborted) {
    try {
      return partitions.endAt(await deps.offsetsAt(ms));
    } catch {
      // Reading meets the same failure and handles it.
      await deps.sleep(OFFSETS_RETRY_MS, done.signal);
    }
  }
}

function tooManyRejects(count: number, countMax: number): OperationalError {
  return new OperationalError("data", `${count} records rejected, more than ${countMax}`, {
    hint: "routes query --rejects",
  });
}

function ndjson(
  { userIDs, timestamps, latitudes, longitudes }: Step["validated"]["points"],
): string {
  return userIDs.map((userID, i) =>
    encodePoint({
      userID,
      timestamp: timestamps[i]!,
      coordinates: [latitudes[i]!, longitudes[i]!],
    }) + "\n"
  ).join("");
}
