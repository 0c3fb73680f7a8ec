import type { ConsumeOptions } from "../../cli/commands/consume.ts";
import { OperationalError } from "../../errors.ts";
import type { BatchHandler } from "../../kafka/reader.ts";
import type { Member } from "../../kafka/group.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { fingerprint, Store } from "../../postgres/store.ts";
import { type Range, readBefore, type Spec } from "../../record/offsets.ts";
import { type Output, type System, untilClosed } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatMany, Rate } from "../../units.ts";
import { withExplanation } from "../context.ts";
import type { Claim } from "../group_members.ts";
import { Backoff, OUTAGE_MAX_MS } from "./backoff.ts";
import { createCommitStep, type StepStore } from "./commit_step.ts";
import { healthOf } from "./health.ts";
import { KnownSources } from "./known_sources.ts";
import { partitionOf, statusOf } from "./live/status.ts";
import type { MetricsServer } from "./metrics_server.ts";
import { Owners } from "./owners.ts";
import { AssignedPartitions } from "./partitions.ts";
import { refreshLag, watchTopic } from "./lag.ts";
import { ndjson } from "./ndjson.ts";
import { Progress } from "./progress.ts";
import { type GroupOffsets, resolveOffsets } from "./resolve_offsets.ts";
import { RunStats } from "./stats.ts";
import { formatSummary, type RunSummary } from "./summary.ts";
import { supervise } from "./supervise.ts";
import { Waits } from "./waits.ts";

/** The options that a run uses; the command handles the others. */
export interface RunOptions extends
  Omit<
    ConsumeOptions,
    | "from"
    | "replay"
    | "skipTo"
    | "yes"
    | "flushMs"
    | "deadLetterTopic"
    | "retryRejects"
    | "http"
    | "tiles"
  > {
  from: Spec | GroupOffsets | null;
}

/** Kafka, as a run uses it. */
export interface ConsumeKafka extends Pick<Topic, "ranges" | "offsetsAt"> {
  /** Throws an explained failure when the user may not read the topic. */
  mayRead(): Promise<void>;
  /** Reads as a member of the group until the signal aborts; throws why it could not continue. Joins after `admit`. */
  read(handler: BatchHandler, admit: () => Promise<void>, signal: AbortSignal): Promise<void>;
  /** The members of the group, with their partitions of the topic. */
  members(): Promise<Member[]>;
  /** Explains a failure of Kafka; returns any other error unchanged. */
  explain(error: unknown): Error;
}

/** PostgreSQL, as a run uses it. */
export interface ConsumePostgres
  extends StepStore, Pick<Store, "sources" | "addSources" | "skip" | "pass"> {
  fingerprint: typeof fingerprint;
}

/** What a run depends on. */
export interface ConsumeDeps {
  topic: string;
  topicId: string | null;
  claim: Claim;
  sessionTimeoutMs: number;
  kafka: ConsumeKafka;
  postgres: ConsumePostgres;
  reporter: Pick<Reporter, "note" | "progress" | "warn">;
  system: Pick<System, "now" | "clock" | "sleep" | "random" | "signal">;
  stdout: Pick<Output, "write">;
  metrics: Pick<MetricsServer, "started" | "settled"> | null;
}

/** The parts of a run. */
export interface Run {
  options: RunOptions;
  deps: ConsumeDeps;
  sources: KnownSources;
  progress: Progress;
  partitions: AssignedPartitions;
  owners: Owners;
  stats: RunStats;
  backoff: Backoff;
  waits: Waits;
  rate: Rate;
  /** Aborted to end the run: everything requested is settled, or the user stopped it. */
  done: AbortController;
}

const STATEMENTS_MAX = 4;
/** More rows in one statement would leave the other connections idle. */
const GROUP_ROWS = 20_000;
const LAST_LAG_MS = 5_000;
const OFFSETS_RETRY_MS = 1_000;

/**
 * Reads records and settles each as row, reject or tombstone until everything requested is settled or a failure ends
 * the run. Throws when the run cannot start.
 */
export async function runConsume(
  options: RunOptions,
  deps: ConsumeDeps,
): Promise<{ summary: RunSummary; failure: Error | null }> {
  const run = createRun(options, deps);
  const { stats, progress, done } = run;
  const { signal } = deps.system;
  const stop = () => done.abort();
  signal.addEventListener("abort", stop, { once: true });
  // A signal that aborted while connecting sends no event any more.
  if (signal.aborted) stop();
  let failure: Error | null = null;
  try {
    const ranges = await start(run);
    failure = await readToEnd(run, ranges).then(() => null, (error: Error) => error);
  } finally {
    signal.removeEventListener("abort", stop);
    done.abort();
  }
  // After a failure or a signal the end must not wait for services that may not answer.
  const isKnown = failure !== null || signal.aborted || await Promise.race([
    refreshLag(run),
    deps.system.sleep(LAST_LAG_MS, signal).then(() => false),
  ]);
  const summary = stats.summary(isKnown ? progress.lag : null);
  deps.reporter.note(formatSummary(summary, progress.knownLag), "end");
  return { summary, failure };
}

function createRun(options: RunOptions, deps: ConsumeDeps): Run {
  const { postgres, system, stdout, metrics } = deps;
  const { batchSize, maxRejects, tee, follow } = options;
  const done = new AbortController();
  // With --tee, all records are stored whether or not somebody reads the copies; without an end, their reader decides.
  const copies = untilClosed(stdout, () => follow && done.abort());
  const stats = new RunStats(system.clock);
  const backoff = new Backoff(follow ? Infinity : OUTAGE_MAX_MS, deps);
  const sources = new KnownSources(postgres);
  const progress = new Progress(options.count ?? Infinity, done, system);
  const commitStep = createCommitStep(postgres, {
    rowsMax: Math.min(batchSize, GROUP_ROWS),
    statementsMax: STATEMENTS_MAX,
    backoff,
    committed: async (step) => {
      stats.settled(step);
      metrics?.settled(step);
      if (tee) await copies.write(ndjson(step.validated.points));
      // Steps that are being committed finish first, so that the summary matches the database.
      if (maxRejects !== null && stats.rejected > maxRejects) done.abort();
    },
  });
  const partitions = new AssignedPartitions(options, {
    ...deps,
    backoff,
    sources,
    progress,
    commitStep,
    done: done.signal,
  });
  const owners = new Owners({ options, deps, progress, done });
  const { clock } = system;
  const { sessionTimeoutMs, reporter } = deps;
  const waits = new Waits({ progress, stats, backoff, sessionTimeoutMs, reporter, clock });
  const rate = new Rate();
  return {
    options,
    deps,
    sources,
    progress,
    partitions,
    owners,
    stats,
    backoff,
    waits,
    rate,
    done,
  };
}

/** A service that always starts with `--from latest` means the first time; any other place is a mistake. */
function refuseFrom(from: NonNullable<RunOptions["from"]>, { deps, sources }: Run): void {
  const failure = readBefore(deps.topic, sources.all);
  if (from.at !== "latest") throw failure;
  deps.reporter.note(`--from latest changes nothing: ${failure.reason.join(", ")}`);
}

/** Loads the positions and sets where the run ends; returns the offsets in the topic. */
async function start(run: Run): Promise<Map<number, Range>> {
  const { options, deps: { kafka, metrics }, sources, progress } = run;
  // The first call is not retried: a database that was never reached is more likely a wrong setting than an outage.
  const loading = run.partitions.load([], AbortSignal.abort());
  const ranges = await withExplanation(kafka.explain, loading);
  if (options.from && sources.all.length > 0) refuseFrom(options.from, run);
  progress.update(ranges, new Map(sources.all.map((s) => [s.partition, s.nextOffset])));
  await setEnds(run, ranges);
  metrics?.started(() => healthOf(run), {
    status: () => statusOf(run),
    partitionOf: (source) => partitionOf(run, source),
  });
  return ranges;
}

async function readToEnd(run: Run, ranges: Map<number, Range>): Promise<void> {
  const { options: { maxRejects }, deps: { kafka, system }, sources, progress, stats } = run;
  void watchTopic(run);
  if (!progress.nothingToRead(sources, ranges)) await supervise(run);
  if (run.owners.failure) throw run.owners.failure;
  // When nothing was read, no answer of the broker has shown yet whether the user may read.
  if (stats.read === 0 && !system.signal.aborted) await kafka.mayRead();
  if (maxRejects !== null && stats.rejected > maxRejects) {
    throw tooManyRejects(stats.rejected, maxRejects);
  }
}

async function setEnds(run: Run, ranges: Map<number, Range>): Promise<void> {
  const { options, deps: { kafka, system }, progress } = run;
  if (options.follow) return;
  const until = options.until ?? { at: "latest" };
  if (until.at !== "time" || until.ms <= system.now()) {
    return progress.endAt(await resolveOffsets(until, ranges, kafka));
  }
  void endLater(run, until.ms);
}

/** The offsets of a future time are only known once it is reached. */
async function endLater({ deps, progress, done }: Run, ms: number): Promise<void> {
  const { kafka, system } = deps;
  // The system clock may be set back in the meantime.
  while (!done.signal.aborted && system.now() < ms) {
    await system.sleep(ms - system.now(), done.signal);
  }
  while (!done.signal.aborted) {
    try {
      return progress.endAt(await kafka.offsetsAt(ms));
    } catch {
      // Reading meets the same failure and handles it.
      await system.sleep(OFFSETS_RETRY_MS, done.signal);
    }
  }
}

function tooManyRejects(count: number, countMax: number): OperationalError {
  const text = `${formatMany(count, "record")} rejected, more than ${countMax}`;
  return new OperationalError("data", text, { hint: "routes query --rejects" });
}
