import type { ConsumeOptions } from "../../cli/options.ts";
import { fullMessage, OperationalError } from "../../errors.ts";
import type { Health } from "./metrics.ts";
import { type Range, readBefore } from "../../record/offsets.ts";
import { Backoff } from "./backoff.ts";
import { encodePoint } from "../../record/point.ts";
import { Rate } from "../../units.ts";
import { createSettler, type Ledger, type Settle, SourceGone } from "./settle.ts";
import { AssignedPartitions } from "./partitions.ts";
import type { Step, Store } from "../../postgres/store.ts";
import type { Message } from "../../record/validate.ts";
import { formatSummary, type RunSummary, status } from "./summary.ts";
import { RunStats } from "./stats.ts";

/** The options that a run uses; the command handles the others. */
export type RunOptions = Omit<
  ConsumeOptions,
  "replay" | "yes" | "flushMs" | "deadLetterTopic" | "retryRejects" | "http"
>;

/** What a run depends on. */
export interface ConsumeDeps {
  topic: string;
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

/** Each check wakes an idle process, so this is not shorter. */
const WATCH_MS = 250;
const OFFSETS_RETRY_MS = 1_000;
const ATTEMPTS_MAX = 5;
const STALLED_MS = 60_000;
/** Without records nothing shows that the database was restored, so its positions are checked this often. */
const REWIND_CHECK_MS = 10_000;
/** kafkajs uses the system clock: when that is set back, it sends no heartbeat until the old time is reached again. */
const CLOCK_STEP_MS = 5_000;
/** How long Kafka may be unavailable, and without --follow also the database. */
const OUTAGE_MAX_MS = 120_000;

/** The parts of a run. */
interface Run {
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

/** Leaves the group and rejoins it when Kafka fails or no record is settled. */
async function supervise(run: Run): Promise<void> {
  const { deps: { topic, clock, note, sleep }, stats, done } = run;
  // Each reason is noted once per outage.
  const reported = new Set<string>();
  for (let failures = 0, failedAt = 0; !done.signal.aborted;) {
    const [before, startedAt] = [stats.read, clock()];
    const failure = await readAsMember(run);
    if (failure === null) return;
    // Without records nothing is settled, but a membership that lasted was healthy.
    const lasted = failure instanceof OperationalError && clock() - startedAt > STALLED_MS;
    if (stats.read > before || lasted) failures = 0;
    if (++failures === 1) {
      failedAt = clock();
      reported.clear();
    }
    // Quick failures add up fast, and a broker takes a while to restart.
    if (failures > ATTEMPTS_MAX && clock() - failedAt > OUTAGE_MAX_MS) {
      throw gaveUp(topic, failures - 1, failure);
    }
    const reason = fullMessage(failure);
    if (!reported.has(reason)) note(`reading again after: ${reason}`);
    reported.add(reason);
    await sleep(Math.min(250 * 2 ** failures, 10_000), done.signal);
  }
}

/** One membership of the group; returns why it ended early when rejoining may help, and throws other failures. */
async function readAsMember(run: Run): Promise<Error | null> {
  const { deps, partitions, done } = run;
  const stalled = new AbortController();
  const ended = new AbortController();
  void watch(run, stalled, ended.signal);
  try {
    await deps.read(partitions, AbortSignal.any([stalled.signal, done.signal]));
    if (!stalled.signal.aborted) return null;
    return new Error(stalled.signal.reason);
  } catch (error) {
    if (error instanceof SourceGone) return error;
    const failure = deps.explain(error);
    if (failure === error || !(failure instanceof OperationalError) || isHopeless(failure)) {
      throw failure;
    }
    return failure;
  } finally {
    ended.abort();
  }
}

/** Watches a membership until `ended`: ends the run when it is idle, and the membership when it is stuck. */
async function watch(run: Run, stalled: AbortController, ended: AbortSignal): Promise<void> {
  const { options: { idleMs }, deps, partitions, stats, backoff } = run;
  const { clock, sleep, progress } = deps;
  const clockOffset = () => deps.now() - clock();
  const firstOffset = clockOffset();
  stats.joined();
  for (let checkedAt = clock();;) {
    await sleep(WATCH_MS, ended);
    if (ended.aborted) return;
    const summary = stats.summary(partitions.lag);
    const perSecond = run.rate.at(summary.seconds * 1000, summary.read);
    progress(status(summary, { perSecond, ends: !run.options.follow }));
    stats.update({
      lag: partitions.lag,
      isAssigned: partitions.isAssigned,
      isDatabaseUnavailable: backoff.isUnavailable,
    });
    if (idleMs !== null && stats.quietMs >= idleMs) run.done.abort();
    if (stats.stuckMs >= STALLED_MS) {
      stalled.abort(
        `no record was settled for ${STALLED_MS / 1000} s although records are waiting`,
      );
    }
    if (Math.abs(clockOffset() - firstOffset) > CLOCK_STEP_MS) {
      stalled.abort("the system clock was changed");
    }
    if (Math.min(stats.quietMs, clock() - checkedAt) < REWIND_CHECK_MS) continue;
    checkedAt = clock();
    // When the database is unavailable there is nothing to compare, and settling reports the outage.
    partitions.rewound().catch(() => false).then((rewound) => {
      if (rewound) stalled.abort("the database was restored to an earlier state");
    });
  }
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

function isHopeless({ kind }: OperationalError): boolean {
  return kind === "noPermission" || kind === "settings" || kind === "noInput" || kind === "data";
}

function tooManyRejects(count: number, countMax: number): OperationalError {
  return new OperationalError("data", `${count} records rejected, more than ${countMax}`, {
    hint: "routes query --rejects",
  });
}

function gaveUp(topic: string, attempts: number, failure: Error): OperationalError {
  return new OperationalError(
    "temporary",
    `gave up reading topic "${topic}" after ${attempts} attempts without progress`,
    { reason: fullMessage(failure), hint: "run this again to continue", cause: failure },
  );
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
