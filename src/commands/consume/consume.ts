import type { ConsumeOptions as Options } from "../../cli/options.ts";
import { fullMessage, OperationalError } from "../../errors.ts";
import type { Health } from "./metrics.ts";
import { type Range, readBefore } from "../../record/offsets.ts";
import { Backoff } from "./backoff.ts";
import { encodePoint } from "../../record/point.ts";
import { Rate } from "../../units.ts";
import { createSettler, type Ledger, type Settle, SourceGone, type Step } from "./settle.ts";
import { AssignedPartitions, type Source } from "./partitions.ts";
import type { Message } from "../../record/validate.ts";
import { type RunSummary, status, summary } from "./summary.ts";
import { RunStats } from "./stats.ts";

/** What reading and storing goes by; the rest is done before it, or by whoever wires. */
export type ConsumeOptions = Omit<
  Options,
  "replay" | "yes" | "flushMs" | "deadLetterTopic" | "retryRejects" | "http"
>;

/** What consuming needs of the world. */
export interface ConsumeDeps {
  topic: string;
  ranges(): Promise<Map<number, Range>>;
  offsetsAt(ms: number): Promise<Map<number, number>>;
  /** Fails where the right to read is missing, in words. */
  mayRead(): Promise<void>;
  /** Reads as a member of the group until the signal ends; throws why it could not go on. */
  read(share: AssignedPartitions, signal: AbortSignal): Promise<void>;
  ledger: Ledger & {
    sources(): Promise<Source[]>;
    addSources(starts: Map<number, number>): Promise<void>;
    skip(source: number, from: number, to: number, reason: string): Promise<void>;
    fingerprint(message: Message): string;
  };
  /** A failure of Kafka in words; anything else is returned as it is. */
  explain(error: unknown): unknown;
  out(text: string): Promise<void>;
  /** Told how to look at the run, once it has begun. */
  watched?(look: () => Health): void;
  note(line: string): void;
  /** Shows a line that the next one replaces. */
  progress(line: string): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** Resolves early when the signal ends. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

/** Four times a second: each look wakes the process, and idle it shall sleep. */
const WATCH_MS = 250;
const ASK_AGAIN_MS = 1_000;
const ROUNDS_MAX = 5;
const STALLED_MS = 60_000;
/** Without records nothing shows that the database was put back, so it is asked this often. */
const LOOK_MS = 10_000;
/** kafkajs goes by the time of day: when that is put back, it sends no heartbeat until the old time has come again. */
const CLOCK_STEP_MS = 5_000;
/** How long Kafka may be away, and, for a run that is to end, the database. */
const PATIENCE_MS = 120_000;

/** One run under way. */
interface Run {
  options: ConsumeOptions;
  deps: ConsumeDeps;
  share: AssignedPartitions;
  vitals: RunStats;
  patience: Backoff;
  rate: Rate;
  /** Ends the run, with everything asked for done or because it was told to. */
  done: AbortController;
}

/**
 * Reads records and settles each as row, reject or tombstone, until everything asked for is done, or a failure ends
 * it early. Throws what kept it from beginning.
 */
export async function runConsume(
  options: ConsumeOptions,
  deps: ConsumeDeps,
): Promise<{ tally: RunSummary; failure: Error | null }> {
  const { topic, signal } = deps;
  const run = prepare(options, deps);
  const { share, vitals, patience, done } = run;
  const stop = () => done.abort();
  signal.addEventListener("abort", stop, { once: true });
  // Stopped while it was still connecting: no event tells of that any more.
  if (signal.aborted) stop();
  let begun = false;
  let failure: Error | null = null;
  try {
    const ranges = await deps.ranges().catch((error) => {
      throw deps.explain(error);
    });
    // No patience yet: a database that was never reached is rather a wrong setting than an outage.
    await patience.repeat(AbortSignal.abort(), () => share.load(ranges));
    if (options.from && share.sources.length > 0) throw readBefore(topic, share.sources);
    await setEnds(run, ranges);
    begun = true;
    deps.watched?.(() => vitals.health(share.lags));
    if (!share.nothingToRead(ranges)) await supervise(run);
    // Where nothing was read, no answer has told whether it may be.
    if (vitals.read === 0 && !signal.aborted) await deps.mayRead();
    if (isOverMax(run)) throw tooManyRejects(vitals.rejected, options.maxRejects!);
  } catch (error) {
    // Where nothing could begin, the failure says all there is to say.
    if (!begun) throw error;
    failure = error as Error;
  } finally {
    signal.removeEventListener("abort", stop);
    done.abort();
  }
  const tally = vitals.tally(share.lag);
  deps.note(summary(tally));
  return { tally, failure };
}

function prepare(options: ConsumeOptions, deps: ConsumeDeps): Run {
  const { ledger, clock } = deps;
  const done = new AbortController();
  const vitals = new RunStats(clock);
  const patience = new Backoff(options.follow ? Infinity : PATIENCE_MS, deps);
  const settleStep = createSettler(ledger, {
    rowsMax: options.batchSize,
    statementsMax: 4,
    wait: (...failed) => patience.wait(...failed),
    async written(step) {
      vitals.settled(step);
      if (options.tee) await deps.out(ndjson(step.validated.points));
      // What is in hand is finished first, so that the summary tells the same as the database.
      if (isOverMax(run)) done.abort();
    },
  });
  const settle: Settle = async (step, signal) => {
    const reached = await settleStep(step, signal);
    patience.answered();
    return reached;
  };
  const share = new AssignedPartitions({
    from: options.from ?? { at: "earliest" },
    count: options.count ?? Infinity,
    batchSize: options.batchSize,
    stopAtReject: options.onReject === "fail",
    acceptLoss: options.acceptLoss,
    strict: options.strict,
  }, { ...deps, ...ledger, settle, patiently: (...work) => patience.repeat(...work), done });
  const run = { options, deps, share, vitals, patience, rate: new Rate(), done };
  return run;
}

function isOverMax({ options: { maxRejects }, vitals }: Run): boolean {
  return maxRejects !== null && vitals.rejected > maxRejects;
}

/** Leaves the group and begins anew when Kafka fails or nothing moves. */
async function supervise(run: Run): Promise<void> {
  const { deps: { topic, clock, note, sleep }, vitals, done } = run;
  // Each reason once an outage.
  const said = new Set<string>();
  for (let failures = 0, failedAt = 0; !done.signal.aborted;) {
    const [before, beganAt] = [vitals.read, clock()];
    const failure = await session(run);
    if (failure === null) return;
    // Without records nothing moves, but a membership that lasted was a good one.
    const lasted = failure instanceof OperationalError && clock() - beganAt > STALLED_MS;
    if (vitals.read > before || lasted) failures = 0;
    if (++failures === 1) {
      failedAt = clock();
      said.clear();
    }
    // Quick failures are soon many: a broker needs its time to start again.
    if (failures > ROUNDS_MAX && clock() - failedAt > PATIENCE_MS) {
      throw gaveUp(topic, failures - 1, failure);
    }
    const why = fullMessage(failure);
    if (!said.has(why)) note(`reading again after: ${why}`);
    said.add(why);
    await sleep(Math.min(250 * 2 ** failures, 10_000), done.signal);
  }
}

/** One membership of the group; returns why it ended early, if another may do better. */
async function session(run: Run): Promise<Error | null> {
  const { deps, share, done } = run;
  const stalled = new AbortController();
  const over = new AbortController();
  void watch(run, stalled, over.signal);
  try {
    await deps.read(share, AbortSignal.any([stalled.signal, done.signal]));
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
    over.abort();
  }
}

/** Looks after a membership until that is over: ends the run when it is idle, the membership when nothing moves. */
async function watch(run: Run, stalled: AbortController, over: AbortSignal): Promise<void> {
  const { options: { idleMs }, deps, share, vitals, patience } = run;
  const { clock, sleep, progress } = deps;
  const ahead = () => deps.now() - clock();
  const aheadAtFirst = ahead();
  vitals.joined();
  for (let lookedAt = clock();;) {
    await sleep(WATCH_MS, over);
    if (over.aborted) return;
    const tally = vitals.tally(share.lag);
    const perSecond = run.rate.at(tally.seconds * 1000, tally.read);
    progress(status(tally, { perSecond, ends: !run.options.follow }));
    vitals.look({ lag: share.lag, isAssigned: share.isAssigned, isAway: patience.isAway });
    if (idleMs !== null && vitals.quietMs >= idleMs) run.done.abort();
    if (vitals.stuckMs >= STALLED_MS) {
      stalled.abort(`nothing was settled for ${STALLED_MS / 1000} s though records wait`);
    }
    if (Math.abs(ahead() - aheadAtFirst) > CLOCK_STEP_MS) stalled.abort("the clock was moved");
    if (Math.min(vitals.quietMs, clock() - lookedAt) < LOOK_MS) continue;
    lookedAt = clock();
    // When the database is away there is nothing to compare, and whoever settles will notice.
    share.rewound().catch(() => false).then((rewound) => {
      if (rewound) stalled.abort("the database was put back to an earlier state");
    });
  }
}

async function setEnds(run: Run, ranges: Map<number, Range>): Promise<void> {
  const { options, deps, share } = run;
  if (options.follow) return;
  const until = options.until ?? { at: "latest" };
  if (until.at !== "time" || until.ms <= deps.now()) {
    return share.endAt(await share.resolve(until, ranges));
  }
  void endLater(run, until.ms);
}

/** The offsets of a time to come are known only then. */
async function endLater({ deps, share, done }: Run, ms: number): Promise<void> {
  // The clock may be put back meanwhile.
  while (!done.signal.aborted && deps.now() < ms) await deps.sleep(ms - deps.now(), done.signal);
  while (!done.signal.aborted) {
    try {
      return share.endAt(await deps.offsetsAt(ms));
    } catch {
      // Whoever reads meets the same failure, and decides what it means.
      await deps.sleep(ASK_AGAIN_MS, done.signal);
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

function gaveUp(topic: string, rounds: number, failure: Error): OperationalError {
  return new OperationalError(
    "temporary",
    `gave up reading topic "${topic}" after ${rounds} rounds without progress`,
    { reason: fullMessage(failure), hint: "run again to go on", cause: failure },
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
