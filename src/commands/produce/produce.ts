import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { flawedBefore } from "./invalid_records.ts";
import { OperationalError, UsageError } from "../../errors.ts";
import type { Outcome } from "../../kafka/sender.ts";
import { Batcher, type RecordSender } from "./batcher.ts";
import { type GeneratedRecord, makeRecords, readRecords, toLines } from "./records.ts";
import { throttle } from "./throttle.ts";
import {
  CALENDAR_END_MS,
  formatCount,
  formatCourse,
  formatMany,
  formatRate,
  formatSpan,
  timeLeft,
} from "../../units.ts";
import { elapsedMs } from "./generator.ts";

/** What runProduce() needs from its environment. */
export interface ProduceDeps {
  topic: string;
  /** Null with `--dry-run`. */
  sender: RecordSender | null;
  stdin: ReadableStream<Uint8Array>;
  /** Writes to stdout; invalid records are not always text. */
  out(data: Uint8Array): Promise<void>;
  progress(tally: ProduceTally): void;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a monotonic clock. */
  clock(): number;
  /** Returns early when the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  signal: AbortSignal;
  /** A safe integer, not negative. */
  drawSeed(): number;
}

/** The counts of a run. */
export interface ProduceTally {
  topic: string;
  /** With `startMs` and the same flags, it generates the same records again; null with `--stdin`. */
  seed: number | null;
  startMs: number | null;
  /** Generated or read; records that were never sent are in none of the counts below. */
  made: number;
  /** How many of them are deliberately invalid. */
  invalid: number;
  acked: number;
  failed: number;
  unknown: number;
  seconds: number;
}

/** How a run ended; the caller prints the tally first, then the failure. */
export interface Produced {
  tally: ProduceTally;
  failure: OperationalError | null;
}

/** The longest time that a record waits for its batch to fill. */
const LINGER_MS = 100;

/** Generates records or reads them from stdin, sends them, and counts the results. */
export async function runProduce(options: ProduceOptions, deps: ProduceDeps): Promise<Produced> {
  const stop = new AbortController();
  const signal = AbortSignal.any([deps.signal, stop.signal]);
  if (options.durationMs !== null) {
    deps.sleep(options.durationMs, signal).then(() => stop.abort());
  }
  try {
    return await produce(options, { ...deps, signal }, () => stop.abort());
  } finally {
    stop.abort();
  }
}

/** The last line of a run; `dry`: the records were only printed. */
export function summarize(tally: ProduceTally, { dry }: { dry: boolean }): string {
  const { topic, made, acked, failed, unknown, seconds, seed } = tally;
  const took = `in ${formatSpan(seconds)}`;
  const rate = formatRate(seconds > 0 ? acked / seconds : 0);
  const counts = dry
    ? `made ${formatMany(made, "record")} ${took}, sent none`
    : `sent ${formatMany(acked, "record")} to ${topic} ${took} (${rate}), ` +
      `${formatCount(failed)} failed, ${formatCount(unknown)} unknown`;
  return seed === null ? counts : `${counts} · seed ${seed}`;
}

/** The progress line: count and total, current rate, elapsed and remaining time. */
export function describeProgress(
  { acked, seconds }: ProduceTally,
  { count, durationMs, stdin }: Pick<ProduceOptions, "count" | "durationMs" | "stdin">,
  perSecond: number,
): string {
  const total = stdin ? null : count;
  const byCount = total === null ? Infinity : timeLeft(total - acked, perSecond);
  const byTime = durationMs === null ? Infinity : Math.max(durationMs - seconds * 1000, 0);
  return `sent ${formatCount(acked)}${total === null ? "" : ` of ${formatCount(total)}`} · ` +
    `${formatRate(perSecond)} · ` +
    formatCourse(seconds * 1000, Math.min(byCount, byTime));
}

async function produce(
  options: ProduceOptions,
  deps: ProduceDeps,
  stop: () => void,
): Promise<Produced> {
  const seed = options.seed ?? deps.drawSeed();
  const tally = openTally(options, deps, seed);
  const source = options.stdin
    ? readRecords(deps.stdin, { ...options, signal: deps.signal })
    : makeRecords({
      ...options,
      seed,
      startMs: tally.startMs!,
      count: boundCount(options, tally.startMs!),
      // Uncompressed, they exceed the default limit of a broker.
      heavy: options.compression === "gzip",
    });
  const chunks = throttle(source, { ...deps, perSecond: options.ratePerSecond });

  const beganMs = deps.clock();
  let failure: OperationalError | null = null;
  const batcher = deps.sender && new Batcher(deps.sender, {
    batchSize: options.batchSize,
    seed,
    lingerMs: LINGER_MS,
    onSent: async (outcome, records) => {
      addUp(tally, outcome, deps.clock() - beganMs);
      failure ??= explain(outcome, deps.topic);
      // Nothing more can be sent: stop waiting for input.
      if (outcome.fault) stop();
      if (options.tee && outcome.acked > 0) await deps.out(toLines(records));
      deps.progress(tally);
    },
  });
  try {
    await (batcher ? sendAll(chunks, batcher, tally, deps) : printAll(chunks, tally, deps));
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    failure ??= error;
  }
  await batcher?.close();
  if (!failure && tally.acked > 0) {
    const fault = await deps.sender!.checkTopic();
    failure = fault && stopped(deps.topic, fault);
  }
  tally.seconds = (deps.clock() - beganMs) / 1000;
  tally.invalid = flawedBefore(tally.made, options.stdin ? 0 : options.invalidPercent);
  return { tally, failure };
}

/** Adds the records to the batcher, and sends overdue batches while it waits for more. */
async function sendAll(
  chunks: AsyncGenerator<GeneratedRecord[]>,
  batcher: Batcher,
  tally: ProduceTally,
  deps: ProduceDeps,
): Promise<void> {
  while (!deps.signal.aborted) {
    const next = chunks.next();
    while (!await arrives(next, batcher.dueMs - deps.clock(), deps)) {
      await batcher.sendDue(deps.clock());
    }
    const { done, value: records } = await next;
    if (done) return;
    tally.made += records.length;
    const nowMs = deps.clock();
    for (const record of records) {
      const sending = batcher.add(record, nowMs);
      if (sending) await sending;
    }
  }
  await chunks.return(undefined);
}

/** Whether `next` settles within that time. */
async function arrives(
  next: Promise<unknown>,
  ms: number,
  { sleep }: ProduceDeps,
): Promise<boolean> {
  const arrival = next.then(() => true, () => true);
  if (ms === Infinity) return await arrival;
  if (ms <= 0) return false;
  const timer = new AbortController();
  const late = sleep(ms, timer.signal).then(() => false);
  const arrived = await Promise.race([arrival, late]);
  timer.abort();
  return arrived;
}

async function printAll(
  chunks: AsyncGenerator<GeneratedRecord[]>,
  tally: ProduceTally,
  deps: ProduceDeps,
): Promise<void> {
  for await (const records of chunks) {
    tally.made += records.length;
    await deps.out(toLines(records));
    if (deps.signal.aborted) return;
  }
}

function openTally(options: ProduceOptions, deps: ProduceDeps, seed: number): ProduceTally {
  return {
    topic: deps.topic,
    seed: options.stdin ? null : seed,
    startMs: options.stdin ? null : chooseStart(options, deps.now()),
    made: 0,
    invalid: 0,
    acked: 0,
    failed: 0,
    unknown: 0,
    seconds: 0,
  };
}

/** The time of the first fix. By default the last fix is about now, as far as the number of records is known. */
function chooseStart(options: ProduceOptions, nowMs: number): number {
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
function boundCount({ count, users, intervalMs }: ProduceOptions, startMs: number): number {
  const room = Math.floor((CALENDAR_END_MS - startMs) / intervalMs) * users;
  if (count !== null && count > room) {
    throw new UsageError(
      `--count ${count} runs past the year 9999: at most ${room} records fit`,
      "a shorter --interval, more --users or an earlier --start",
    );
  }
  return count ?? room;
}

function addUp(tally: ProduceTally, outcome: Outcome, elapsedMs: number): void {
  tally.acked += outcome.acked;
  tally.failed += outcome.failed;
  tally.unknown += outcome.unknown;
  tally.seconds = elapsedMs / 1000;
}

function stopped(topic: string, fault: NonNullable<Outcome["fault"]>): OperationalError {
  const message = `cannot vouch for what was sent to topic "${topic}"`;
  return new OperationalError(fault.kind, message, { reason: fault.reason, hint: fault.fix });
}

function explain({ failed, unknown, fault }: Outcome, topic: string): OperationalError | null {
  if (!fault) return null;
  if (failed + unknown === 0) return stopped(topic, fault);
  const message = failed > 0
    ? `cannot send to topic "${topic}": the broker did not store ${
      formatMany(failed, "record")
    }, later records were not sent`
    : `cannot tell whether ${formatMany(unknown, "record")} reached topic "${topic}": no answer`;
  return new OperationalError(fault.kind, message, { reason: fault.reason, hint: fault.fix });
}
