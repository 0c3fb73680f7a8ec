import { Operation } from "../failure.ts";
import type { Health } from "../metrics.ts";
import { type Range, readBefore, type Spec } from "../offsets.ts";
import { encodePoint } from "../point.ts";
import { createSettler, type Ledger, type Settle, SourceGone, type Step } from "../settle.ts";
import { Share, type Source } from "../share.ts";
import type { Message } from "../sift.ts";
import { status, summary, type Tally } from "../tally.ts";

/** What `routes consume` was asked for; durations in milliseconds. */
export interface ConsumeOptions {
  follow: boolean;
  count: number | null;
  idleMs: number | null;
  from: Spec | null;
  until: Spec | null;
  batchSize: number;
  onReject: "keep" | "fail";
  maxRejects: number | null;
  acceptLoss: boolean;
  tee: boolean;
}

/** What consuming needs of the world. */
export interface ConsumeDeps {
  topic: string;
  ranges(): Promise<Map<number, Range>>;
  offsetsAt(ms: number): Promise<Map<number, number>>;
  /** Reads as a member of the group until the signal ends; throws why it could not go on. */
  read(share: Share, signal: AbortSignal): Promise<void>;
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
  now(): number;
  /** Resolves early when the signal ends. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
}

export type { Tally };

const WATCH_MS = 100;
const ASK_AGAIN_MS = 1_000;
const ROUNDS_MAX = 5;
const STALLED_MS = 60_000;
/** Without records nothing shows that the database was put back, so it is asked this often. */
const LOOK_MS = 10_000;
/** How long Kafka may be away, and, for a run that is to end, the database. */
const PATIENCE_MS = 120_000;

/** Reads records and settles each as row, reject or tombstone, until everything asked for is done. */
export async function runConsume(options: ConsumeOptions, deps: ConsumeDeps): Promise<Tally> {
  const { topic, ledger, now, signal } = deps;
  const maxRejects = options.maxRejects ?? Infinity;
  const startedAt = now();
  const tally: Tally = {
    read: 0,
    stored: 0,
    rejected: 0,
    reasons: {},
    tombstones: 0,
    lag: 0,
    seconds: 0,
  };
  /** Since when records wait and none was settled. */
  let stuckSince = startedAt;
  let settledAt = startedAt;
  /** The same as stuckSince, but whatever the reason. */
  let unsettledSince = startedAt;
  /** Since when a record could have come and none did. */
  let quietSince = startedAt;
  /** Since when the database is away; null while it answers. */
  let awaySince: number | null = null;
  /** What was said of it; each reason once. */
  const waitedFor = new Set<string>();
  const done = new AbortController();
  const settleStep = createSettler(ledger, {
    rowsMax: options.batchSize,
    statementsMax: 4,
    wait,
    written,
  });
  const settle: Settle = async (step, signal) => {
    const reached = await settleStep(step, signal);
    answered();
    return reached;
  };
  const share = new Share({
    from: options.from ?? { at: "earliest" },
    count: options.count ?? Infinity,
    batchSize: options.batchSize,
    stopAtReject: options.onReject === "fail",
    acceptLoss: options.acceptLoss,
  }, { ...deps, ...ledger, settle, patiently, done });

  const stop = () => done.abort();
  signal.addEventListener("abort", stop, { once: true });
  // Stopped while it was still connecting: no event tells of that any more.
  if (signal.aborted) stop();
  let begun = false;
  try {
    const ranges = await deps.ranges().catch((error) => {
      throw deps.explain(error);
    });
    // No patience yet: a database that was never reached is rather a wrong setting than an outage.
    await patiently(AbortSignal.abort(), () => share.load(ranges));
    if (options.from && share.sources.length > 0) throw readBefore(topic, share.sources);
    await setEnds(ranges);
    begun = true;
    deps.watched?.(look);
    if (!share.nothingToRead(ranges)) await supervise();
    if (tally.rejected > maxRejects) throw tooManyRejects(tally.rejected, maxRejects);
  } finally {
    signal.removeEventListener("abort", stop);
    done.abort();
    // Where nothing could begin, the failure says all there is to say.
    if (begun) deps.note(summary(measure()));
  }
  return measure();

  /** Leaves the group and begins anew when Kafka fails or nothing moves. */
  async function supervise(): Promise<void> {
    for (let failures = 0, failedAt = 0; !done.signal.aborted;) {
      const [before, beganAt] = [tally.read, now()];
      const failure = await session();
      if (failure === null) return;
      // Without records nothing moves, but a membership that lasted was a good one.
      const lasted = failure instanceof Operation && now() - beganAt > STALLED_MS;
      if (tally.read > before || lasted) failures = 0;
      if (++failures === 1) failedAt = now();
      // Quick failures are soon many: a broker needs its time to start again.
      if (failures > ROUNDS_MAX && now() - failedAt > PATIENCE_MS) {
        throw gaveUp(topic, failures - 1, failure);
      }
      deps.note(`reading again after: ${failure.message}`);
      await deps.sleep(Math.min(250 * 2 ** failures, 10_000), done.signal);
    }
  }

  /** One membership of the group; returns why it ended early, if another may do better. */
  async function session(): Promise<Error | null> {
    const stalled = new AbortController();
    const over = new AbortController();
    void watch(stalled, over.signal);
    try {
      await deps.read(share, AbortSignal.any([stalled.signal, done.signal]));
      if (!stalled.signal.aborted) return null;
      return new Error(stalled.signal.reason);
    } catch (error) {
      if (error instanceof SourceGone) return error;
      const failure = deps.explain(error);
      if (failure === error || !(failure instanceof Operation) || isHopeless(failure)) {
        throw failure;
      }
      return failure;
    } finally {
      over.abort();
    }
  }

  /** Looks after a membership until that is over: ends the run when it is idle, the membership when nothing moves. */
  async function watch(stalled: AbortController, over: AbortSignal): Promise<void> {
    stuckSince = quietSince = now();
    for (let lookedAt = now();;) {
      await deps.sleep(WATCH_MS, over);
      if (over.aborted) return;
      deps.progress(status(measure()));
      if (awaySince !== null || !share.isAssigned) quietSince = now();
      if (options.idleMs !== null && now() - quietSince >= options.idleMs) done.abort();
      if (share.lag === 0) unsettledSince = now();
      if (awaySince !== null || share.lag === 0) stuckSince = now();
      if (now() - stuckSince >= STALLED_MS) {
        stalled.abort(`nothing was settled for ${STALLED_MS / 1000} s though records wait`);
      }
      if (Math.min(now() - quietSince, now() - lookedAt) < LOOK_MS) continue;
      lookedAt = now();
      // When the database is away there is nothing to compare, and whoever settles will notice.
      share.rewound().catch(() => false).then((rewound) => {
        if (rewound) stalled.abort("the database was put back to an earlier state");
      });
    }
  }

  async function setEnds(ranges: Map<number, Range>): Promise<void> {
    if (options.follow) return;
    const until = options.until ?? { at: "latest" };
    if (until.at !== "time" || until.ms <= now()) {
      return share.endAt(await share.resolve(until, ranges));
    }
    void endLater(until.ms);
  }

  /** The offsets of a time to come are known only then. */
  async function endLater(ms: number): Promise<void> {
    // One sleep cannot be longer than a timer of 31 bits.
    while (!done.signal.aborted && now() < ms) await deps.sleep(ms - now(), done.signal);
    while (!done.signal.aborted) {
      try {
        return share.endAt(await deps.offsetsAt(ms));
      } catch {
        // Whoever reads meets the same failure, and decides what it means.
        await deps.sleep(ASK_AGAIN_MS, done.signal);
      }
    }
  }

  async function written({ sifted: { points, rejects, tombstones }, messages }: Step) {
    stuckSince =
      quietSince =
      unsettledSince =
      settledAt =
        now();
    tally.read += messages.length;
    tally.stored += points.offsets.length;
    tally.rejected += rejects.length;
    tally.tombstones += tombstones;
    for (const { code } of rejects) tally.reasons[code] = (tally.reasons[code] ?? 0) + 1;
    if (options.tee) await deps.out(ndjson(points));
    // What is in hand is finished first, so that the summary tells the same as the database.
    if (tally.rejected > maxRejects) done.abort();
  }

  async function patiently(until: AbortSignal, work: () => Promise<void>): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        await work();
        return answered();
      } catch (error) {
        if (error instanceof Operation) throw error;
        if (ledger.judge(error).act !== "wait") throw ledger.explain(error);
        await wait(error, attempt, until);
      }
    }
  }

  async function wait(error: unknown, attempt: number, until: AbortSignal): Promise<void> {
    const failure = ledger.explain(error);
    if (until.aborted) throw failure;
    awaySince ??= now();
    if (!options.follow && now() - awaySince > PATIENCE_MS) throw failure;
    const why = inFull(failure);
    if (!waitedFor.has(why)) deps.note(`waiting for the database: ${why}`);
    waitedFor.add(why);
    await deps.sleep(Math.min(100 * 2 ** attempt, 5_000) * (0.5 + Math.random() / 2), until);
    if (until.aborted) throw failure;
  }

  function answered(): void {
    awaySince = null;
    waitedFor.clear();
  }

  function look(): Health {
    const [settledMs, stuckMs] = [now() - settledAt, now() - unsettledSince];
    return { ...tally, lags: share.lags, settledMs, stuckMs };
  }

  function measure(): Tally {
    return { ...tally, lag: share.lag, seconds: (now() - startedAt) / 1000 };
  }
}

function inFull(failure: Error): string {
  const reason = failure instanceof Operation ? failure.reason : [];
  return [failure.message, ...reason].join(": ");
}

function isHopeless({ kind }: Operation): boolean {
  return kind === "noPermission" || kind === "settings" || kind === "noInput" || kind === "data";
}

function tooManyRejects(count: number, countMax: number): Operation {
  return new Operation("data", `${count} records rejected, more than ${countMax}`, {
    fix: "routes query --rejects",
  });
}

function gaveUp(topic: string, rounds: number, failure: Error): Operation {
  return new Operation(
    "temporary",
    `gave up reading topic "${topic}" after ${rounds} rounds without progress`,
    { reason: failure.message, fix: "run again to go on", cause: failure },
  );
}

function ndjson({ userIDs, timestamps, latitudes, longitudes }: Step["sifted"]["points"]): string {
  return userIDs.map((userID, i) =>
    encodePoint({
      userID,
      timestamp: timestamps[i]!,
      coordinates: [latitudes[i]!, longitudes[i]!],
    }) + "\n"
  ).join("");
}
