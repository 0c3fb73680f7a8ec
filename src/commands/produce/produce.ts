import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { OperationalError } from "../../errors.ts";
import type { SendFault } from "../../kafka/send_fault.ts";
import type { Outcome } from "../../kafka/sender.ts";
import { type Output, type System, untilClosed } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatMany, Rate } from "../../units.ts";
import { Batcher, type BatcherOptions, type RecordSender } from "./batcher.ts";
import { invalidBefore } from "./invalid_records.ts";
import { type GeneratedRecord, makeRecords, toLines } from "./records.ts";
import { boundCount, chooseInterval, chooseStart, isOpenEnded, type Regular } from "./schedule.ts";
import { watchSends } from "./send_waits.ts";
import { BadLines, readRecords } from "./stdin_records.ts";
import { addUp, describeProgress, openTally, type ProduceTally } from "./tally.ts";
import { throttle } from "./throttle.ts";

/** What runProduce() needs from its environment. */
export interface ProduceDeps {
  topic: string;
  /** Null with `--dry-run`. */
  sender: RecordSender | null;
  reporter: Pick<Reporter, "note" | "progress">;
  system: Pick<System, "stdin" | "now" | "clock" | "sleep" | "random" | "signal">;
  stdout: Pick<Output, "write">;
}

/** How a run ended; the caller prints the tally first, then the failure. */
interface Produced {
  tally: ProduceTally;
  failure: OperationalError | null;
}

/** The longest time that a record waits for its batch to fill. */
const LINGER_MS = 100;

/** Generates records or reads them from stdin, sends them, and counts the results. */
export async function runProduce(options: ProduceOptions, deps: ProduceDeps): Promise<Produced> {
  const { system } = deps;
  const [stop, over] = [new AbortController(), new AbortController()];
  const signal = AbortSignal.any([system.signal, stop.signal]);
  if (options.durationMs !== null) {
    system.sleep(options.durationMs, signal).then(() => stop.abort());
  }
  try {
    const bounded = { ...deps, system: { ...system, signal } };
    return await produce(options, bounded, () => stop.abort(), over.signal);
  } finally {
    stop.abort();
    over.abort();
  }
}

async function produce(
  options: ProduceOptions,
  deps: ProduceDeps,
  stop: () => void,
  over: AbortSignal,
): Promise<Produced> {
  const { topic, sender, reporter, system } = deps;
  const { batchSize, ratePerSecond, invalidPercent, stdin, seed } = options;
  const regular = { ...options, intervalMs: chooseInterval(options) };
  const startMs = chooseStart(regular, system.now());
  const tally = openTally(topic, stdin ? null : { seed, startMs });
  const produced: Produced = { tally, failure: null };
  const bad = new BadLines();
  const source = recordsOf(regular, { startMs, bad }, system);
  const chunks = throttle(source, { perSecond: ratePerSecond, system });
  const startedAt = system.clock();
  const rate = new Rate();
  const progress = () => {
    const elapsedMs = system.clock() - startedAt;
    const perSecond = rate.at(elapsedMs, tally.acked);
    return describeProgress({ ...tally, seconds: elapsedMs / 1000 }, options, perSecond);
  };
  const onSent = sentHandler(produced, startedAt, options, deps, progress, stop);
  const batcher = sender && new Batcher(sender, {
    batchSize,
    seed: stdin ? system.random() : seed,
    lingerMs: LINGER_MS,
    clock: system.clock,
    onSent,
  });
  if (batcher) {
    const hasFailed = () => produced.failure !== null;
    void watchSends(batcher, sender, {
      reporter,
      progress,
      hasFailed,
      system: { ...system, signal: over },
    });
  }
  try {
    await (batcher ? sendAll(chunks, batcher, tally, system) : printAll(chunks, tally, deps));
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    produced.failure ??= error;
  }
  await batcher?.close();
  if (sender && !produced.failure && tally.acked > 0) {
    const fault = await sender.checkTopic();
    produced.failure = fault && stopped(topic, fault);
  }
  tally.skipped = bad.count;
  produced.failure ??= bad.failure;
  tally.seconds = (system.clock() - startedAt) / 1000;
  tally.invalid = invalidBefore(tally.made, stdin ? 0 : invalidPercent);
  return produced;
}

/** Counts the outcome of each send, and shows the progress. */
function sentHandler(
  produced: Produced,
  startedAt: number,
  options: ProduceOptions,
  { topic, reporter, system, stdout }: ProduceDeps,
  progress: () => string,
  stop: () => void,
): BatcherOptions["onSent"] {
  const { tally } = produced;
  // With --tee, all records are sent whether or not somebody reads the copies; without an end, their reader decides.
  const copies = untilClosed(stdout, () => isOpenEnded(options) && stop());
  return async (outcome, records) => {
    addUp(tally, outcome, system.clock() - startedAt);
    produced.failure ??= explain(outcome, topic);
    // Nothing more can be sent: stop waiting for input.
    if (outcome.fault) stop();
    if (options.tee && outcome.acked > 0) await copies.write(toLines(records));
    reporter.progress(progress());
  };
}

function recordsOf(
  options: Regular,
  { startMs, bad }: { startMs: number; bad: BadLines },
  { stdin, signal }: ProduceDeps["system"],
) {
  if (options.stdin) {
    return readRecords(stdin, { ...options, signal, bad: options.skipBad ? bad : null });
  }
  return makeRecords({
    ...options,
    startMs,
    count: boundCount(options, startMs),
    // Uncompressed, they exceed the default limit of a broker.
    heavy: options.compression === "gzip",
  });
}

/** Adds the records to the batcher, and sends overdue batches while it waits for more. */
async function sendAll(
  chunks: AsyncGenerator<GeneratedRecord[]>,
  batcher: Batcher,
  tally: ProduceTally,
  system: ProduceDeps["system"],
): Promise<void> {
  while (!system.signal.aborted) {
    const next = chunks.next();
    while (!await arrives(next, batcher, system)) batcher.sendDue();
    const { done, value: records } = await next;
    if (done) return;
    tally.made += records.length;
    const nowMs = system.clock();
    for (const record of records) {
      const sending = batcher.add(record, nowMs);
      if (sending) await sending;
    }
  }
  await chunks.return(undefined);
}

/** Whether `next` settles before a batch is due or a send is over. */
async function arrives(
  next: Promise<unknown>,
  { dueMs, landing }: Batcher,
  { sleep, clock }: Pick<System, "sleep" | "clock">,
): Promise<boolean> {
  const arrival = next.then(() => true, () => true);
  const landed = landing.then(() => false);
  const ms = dueMs - clock();
  if (ms === Infinity) return await Promise.race([arrival, landed]);
  if (ms <= 0) return false;
  const timer = new AbortController();
  const late = sleep(ms, timer.signal).then(() => false);
  const arrived = await Promise.race([arrival, landed, late]);
  timer.abort();
  return arrived;
}

async function printAll(
  chunks: AsyncGenerator<GeneratedRecord[]>,
  tally: ProduceTally,
  { stdout, system }: ProduceDeps,
): Promise<void> {
  for await (const records of chunks) {
    tally.made += records.length;
    await stdout.write(toLines(records));
    if (system.signal.aborted) return;
  }
}

function stopped(topic: string, fault: SendFault): OperationalError {
  const message = `cannot vouch for what was sent to topic "${topic}"`;
  return new OperationalError(fault.kind, message, { reason: fault.reason, hint: fault.hint });
}

function explain({ failed, unknown, fault }: Outcome, topic: string): OperationalError | null {
  if (!fault) return null;
  if (failed + unknown === 0) return stopped(topic, fault);
  const message = failed > 0
    ? `cannot send to topic "${topic}": the broker did not store ${
      formatMany(failed, "record")
    }, later records were not sent`
    : `cannot tell whether ${formatMany(unknown, "record")} reached topic "${topic}": no answer`;
  return new OperationalError(fault.kind, message, { reason: fault.reason, hint: fault.hint });
}
