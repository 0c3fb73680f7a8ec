import { fullMessage, OperationalError } from "../../errors.ts";
import { OUTAGE_MAX_MS } from "./backoff.ts";
import type { Run } from "./consume.ts";
import { SourceGone } from "./commit_step.ts";
import { status } from "./summary.ts";
import { describeWait } from "./waits.ts";

/** Each check wakes an idle process, so this is not shorter. */
const WATCH_MS = 250;
const ATTEMPTS_MAX = 5;
const STALLED_MS = 60_000;
/** Without records nothing shows that the database was restored, so its positions are checked this often. */
const REWIND_CHECK_MS = 10_000;
/** kafkajs uses the system clock: when that is set back, it sends no heartbeat until the old time is reached again. */
const CLOCK_STEP_MS = 5_000;

/** Leaves the group and rejoins it when Kafka fails or no record is settled. */
export async function supervise(run: Run): Promise<void> {
  const { deps: { topic, reporter, system }, stats, done } = run;
  // Each reason is noted once per outage.
  const reported = new Set<string>();
  for (let failures = 0, failedAt = 0; !done.signal.aborted;) {
    const [before, startedAt] = [stats.read, system.clock()];
    const failure = await readAsMember(run);
    if (failure === null) return;
    // Without records nothing is settled, but a membership that lasted was healthy.
    const lasted = failure instanceof OperationalError &&
      system.clock() - startedAt > STALLED_MS;
    if (stats.read > before || lasted) failures = 0;
    if (++failures === 1) {
      failedAt = system.clock();
      reported.clear();
    }
    // Quick failures add up fast, and a broker takes a while to restart.
    if (failures > ATTEMPTS_MAX && system.clock() - failedAt > OUTAGE_MAX_MS) {
      throw gaveUp(topic, failures - 1, failure);
    }
    const reason = fullMessage(failure);
    run.waits.membershipEnded(reason);
    if (!reported.has(reason)) reporter.note(`reading again after: ${reason}`, "reading_again");
    reported.add(reason);
    await sleepShown(run, Math.min(250 * 2 ** failures, 10_000));
  }
}

/** Waits before the next membership; the progress line shows why. */
async function sleepShown(run: Run, ms: number): Promise<void> {
  const { deps: { system }, done } = run;
  for (let left = ms; left > 0 && !done.signal.aborted; left -= WATCH_MS) {
    await system.sleep(Math.min(left, WATCH_MS), done.signal);
    updateStats(run);
  }
}

/** One membership of the group; returns why it ended early when rejoining may help, and throws other failures. */
async function readAsMember(run: Run): Promise<Error | null> {
  const { deps: { kafka }, partitions, progress, done } = run;
  const stalled = new AbortController();
  const ended = new AbortController();
  const admit = async () => {
    await run.owners.admit();
    void watch(run, stalled, ended.signal);
  };
  try {
    await kafka.read(partitions, admit, AbortSignal.any([stalled.signal, done.signal]));
    if (!stalled.signal.aborted) return null;
    return new Error(stalled.signal.reason);
  } catch (error) {
    if (error instanceof SourceGone) return error;
    const failure = kafka.explain(error);
    if (failure === error || !(failure instanceof OperationalError) || isHopeless(failure)) {
      throw failure;
    }
    return failure;
  } finally {
    ended.abort();
    progress.release();
  }
}

/** Watches a membership until `ended`: ends the run when it is idle, and the membership when it is stuck. */
async function watch(run: Run, stalled: AbortController, ended: AbortSignal): Promise<void> {
  const { options: { idleMs }, deps: { system }, sources, stats } = run;
  const { clock } = system;
  const clockOffset = () => system.now() - clock();
  const firstOffset = clockOffset();
  stats.joined();
  for (let checkedAt = clock();;) {
    await system.sleep(WATCH_MS, ended);
    if (ended.aborted) return;
    updateStats(run);
    if (idleMs !== null && stats.quietMs >= idleMs) run.done.abort();
    if (stats.stuckMs >= STALLED_MS) {
      stalled.abort(
        `no record was settled for ${STALLED_MS / 1000} s although records are waiting`,
      );
    }
    if (run.owners.mustLeave) stalled.abort("another member of the group does other work");
    if (Math.abs(clockOffset() - firstOffset) > CLOCK_STEP_MS) {
      stalled.abort("the system clock was changed");
    }
    if (Math.min(stats.quietMs, clock() - checkedAt) < REWIND_CHECK_MS) continue;
    checkedAt = clock();
    // When the database is unavailable there is nothing to compare, and writing reports the outage.
    sources.areRewound().catch(() => false).then((rewound) => {
      if (rewound) stalled.abort("the database was restored to an earlier state");
    });
  }
}

/** Restarts the timers whose condition does not hold, and shows the progress. */
function updateStats({ options, deps, stats, progress, rate, backoff, waits }: Run): void {
  const { reporter, system } = deps;
  stats.update(progress, backoff.outage !== null);
  waits.update();
  const summary = stats.summary(progress.lag);
  const perSecond = rate.at(summary.seconds * 1000, summary.read);
  const line = status(summary, { perSecond, ends: !options.follow, known: progress.knownLag });
  const wait = waits.current;
  const { stored, rejected, lag } = summary;
  reporter.progress(
    wait ? `${line} · ${describeWait(wait, system.clock())}` : line,
    JSON.stringify([stored, rejected, lag, wait?.reason]),
  );
}

function isHopeless({ kind }: OperationalError): boolean {
  return kind === "noPermission" || kind === "settings" || kind === "noInput" || kind === "data";
}

function gaveUp(topic: string, attempts: number, failure: Error): OperationalError {
  return new OperationalError(
    "temporary",
    `gave up reading topic "${topic}" after ${attempts} attempts without progress`,
    { reason: fullMessage(failure), hint: "run this again to continue", cause: failure },
  );
}
