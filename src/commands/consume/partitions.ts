import { OperationalError } from "../../errors.ts";
import {
  checkTopicId,
  contradiction,
  fewerPartitions,
  holds,
  otherRecord,
  type Range,
} from "../../record/offsets.ts";
import type { Message } from "../../record/validate.ts";
import type { Batch, BatchHandler } from "../../kafka/reader.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { fingerprint, Source, Store } from "../../postgres/store.ts";
import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import type { RunOptions } from "./consume.ts";
import { resolveOffsets } from "./resolve_offsets.ts";
import type { Backoff } from "./backoff.ts";
import type { CommitStep } from "./commit_step.ts";
import type { KnownSources } from "./known_sources.ts";
import { passMarkers } from "./markers.ts";
import type { Progress } from "./progress.ts";
import { makeStep, type SplittableStep, stepSize } from "./step.ts";

/** What the partitions need from the topic, the database and the run. */
export interface PartitionsDeps {
  topic: string;
  topicId: string | null;
  kafka: Pick<Topic, "ranges" | "offsetsAt">;
  postgres: Pick<Store, "skip" | "pass"> & { fingerprint: typeof fingerprint };
  reporter: Pick<Reporter, "note">;
  system: Pick<System, "sleep">;
  backoff: Pick<Backoff, "retry">;
  sources: KnownSources;
  progress: Progress;
  commitStep: CommitStep;
  /** Aborted when the run ends. */
  done: AbortSignal;
}

type PartitionsOptions = Pick<
  RunOptions,
  "from" | "batchSize" | "onReject" | "acceptLoss" | "strict"
>;

/** Reads the partitions that the group assigns to this process; the batch handler of the topic reader. */
export class AssignedPartitions implements BatchHandler {
  readonly #options: PartitionsOptions;
  readonly #deps: PartitionsDeps;
  /** The partitions whose batch is being settled. */
  readonly #busy = new Set<number>();
  #passing: Promise<void> = Promise.resolve();

  constructor(options: PartitionsOptions, deps: PartitionsDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /**
   * Loads the positions of all partitions, and adds those of `needed` that were never read; returns the offsets in the
   * topic. Retries the database until `signal` aborts.
   */
  async load(needed: number[], signal: AbortSignal): Promise<Map<number, Range>> {
    const { backoff, kafka, sources } = this.#deps;
    const positions = backoff.retry(signal, () => sources.load());
    const [ranges] = await Promise.all([kafka.ranges(), positions]);
    await backoff.retry(signal, () => this.#complete(ranges, needed));
    return ranges;
  }

  async #complete(ranges: Map<number, Range>, needed: number[]): Promise<void> {
    const { sources, topic, topicId, kafka } = this.#deps;
    const { from } = this.#options;
    checkTopicId(topic, topicId, sources.all);
    const unread = needed.filter((partition) => !sources.get(partition));
    if (unread.length > 0) {
      const starts = await resolveOffsets(from ?? { at: "earliest" }, ranges, kafka);
      await sources.add(new Map(unread.map((partition) => [partition, starts.get(partition)!])));
    }
    const missing = sources.all.map(({ partition }) => partition).filter((p) => !ranges.has(p));
    if (missing.length > 0) throw fewerPartitions(topic, missing, ranges.size);
  }

  /** The group assigned exactly these partitions: returns where to read each from. */
  async assign(partitions: number[], signal: AbortSignal): Promise<Map<number, number>> {
    const { sources, progress } = this.#deps;
    await this.#passing;
    // What was reached counts no more: the database may have been restored to an earlier state.
    progress.release();
    const ranges = await this.load(partitions, signal);
    const positions = new Map<number, number>();
    const starts = new Map<number, number>();
    for (const partition of partitions) {
      const { nextOffset, last } = sources.get(partition)!;
      const range = ranges.get(partition)!;
      const position = holds(range, nextOffset)
        ? nextOffset
        : await this.outOfRange(partition, nextOffset, range);
      positions.set(partition, position);
      // The last settled record is read again: it shows whether the log still has the records that were read.
      const isReadable = position === nextOffset && last && last.offset < nextOffset &&
        last.offset >= range.low;
      starts.set(partition, isReadable ? last.offset : position);
    }
    progress.update(ranges, new Map(sources.all.map((s) => [s.partition, s.nextOffset])));
    if (!signal.aborted) progress.assign(positions);
    return starts;
  }

  /** Settles a batch; returns where to read next, or null when this partition is finished. */
  async handleBatch(batch: Batch): Promise<number | null> {
    this.#busy.add(batch.partition);
    try {
      await this.#passing;
      return await this.#settleBatch(batch);
    } finally {
      this.#busy.delete(batch.partition);
    }
  }

  async #settleBatch(batch: Batch): Promise<number | null> {
    const { sources, progress } = this.#deps;
    const { partition, signal } = batch;
    const source = sources.get(partition)!;
    const isRepeated = Number(batch.messages[0]!.offset) < source.nextOffset;
    if (isRepeated) this.#checkLastRecord(source, batch.messages);
    const end = progress.endOf(partition);
    const messages = batch.messages.filter(({ offset }) =>
      Number(offset) >= source.nextOffset && Number(offset) < end
    );
    if (isRepeated && messages.length === 0) return source.nextOffset;
    const reached = await this.#processMessages(source, messages, signal);
    return signal.aborted ? reached ?? batch.from : reached;
  }

  /** Nothing readable lies before `next`. */
  advance(partition: number, next: number): void {
    this.#deps.progress.advance(partition, next);
  }

  /** The positions of the assigned partitions in the database, moved over the markers passed. */
  async settled(): Promise<Map<number, number>> {
    const { sources, progress } = this.#deps;
    await (this.#passing = this.#passing.then(() => passMarkers(this.#deps, this.#busy)));
    const { assigned } = progress;
    return new Map(
      sources.all.filter(({ partition }) => assigned.has(partition))
        .map(({ partition, nextOffset }) => [partition, nextOffset]),
    );
  }

  /** The log does not contain `position`: returns where to read next, or throws what happened to the log. */
  async outOfRange(partition: number, position: number, range: Range): Promise<number> {
    const { topic, kafka, system, done } = this.#deps;
    // After a leader change the end of the log may be lower for a moment.
    for (let tries = 0; position > range.high && tries < 5; tries++) {
      await system.sleep(1_000, done);
      range = (await kafka.ranges()).get(partition) ?? range;
    }
    if (holds(range, position)) return position;
    const failure = contradiction(topic, partition, position, range);
    if (!this.#options.acceptLoss || position > range.low) throw failure;
    return await this.#acceptLoss(partition, position, range.low, failure.message);
  }

  /** Cuts messages into steps and settles them in order; returns the position reached, or null without a step. */
  async #processMessages(
    source: Source,
    messages: Message[],
    signal: AbortSignal,
  ): Promise<number | null> {
    const { sources, progress } = this.#deps;
    const { batchSize, strict } = this.#options;
    let reached: number | null = null;
    for (let at = 0; at < messages.length && progress.budget > 0 && !signal.aborted;) {
      const size = Math.min(stepSize(messages, at, batchSize), progress.budget);
      const step = makeStep(source.id, source.nextOffset, messages.slice(at, at += size), {
        countedTo: source.tombstonesTo,
        strict,
      });
      reached = await this.#processStep(source.partition, step, signal);
      source.nextOffset = reached;
      // After a rebalance the row was read again, and that position counts.
      if (sources.get(source.partition) === source) progress.advance(source.partition, reached);
      if (reached !== step.to) break;
    }
    return reached;
  }

  /** Commits a step within the budget; with --on-reject fail only up to the first reject. */
  async #processStep(
    partition: number,
    step: SplittableStep,
    signal: AbortSignal,
  ): Promise<number> {
    const { progress, commitStep } = this.#deps;
    const { length } = step.messages;
    progress.begin(length);
    let reached: number | null = null;
    try {
      if (this.#options.onReject === "fail") await this.#stopAtReject(partition, step, signal);
      return reached = await commitStep(step, signal);
    } finally {
      progress.finish(length, reached === step.to);
    }
  }

  /** Commits the records before the first reject, then throws. */
  async #stopAtReject(partition: number, step: SplittableStep, signal: AbortSignal): Promise<void> {
    const [reject] = step.validated.rejects;
    if (!reject) return;
    const before = step.messages.filter(({ offset }) => Number(offset) < reject.offset);
    if (before.length > 0) {
      const first = makeStep(step.source, step.from, before, step);
      this.advance(partition, await this.#deps.commitStep(first, signal));
    }
    throw new OperationalError(
      "data",
      `record rejected: partition ${partition}, offset ${reject.offset}`,
      {
        reason: `${reject.code}: ${[reject.path, reject.reason].filter(Boolean).join(": ")}`,
        hint: "routes consume --on-reject keep",
      },
    );
  }

  /** Throws when the record at the last settled offset is a different one: the topic was recreated. */
  #checkLastRecord({ partition, last }: Source, messages: Message[]): void {
    const { topic, postgres } = this.#deps;
    const repeated = messages.find(({ offset }) => Number(offset) === last?.offset);
    if (!repeated || postgres.fingerprint(repeated) === last!.hash) return;
    throw otherRecord(topic, partition, last!.offset);
  }

  /** Skips deleted records; the loss is recorded in the database before any later record. */
  async #acceptLoss(partition: number, from: number, to: number, reason: string): Promise<number> {
    const { postgres, reporter, backoff, sources, done } = this.#deps;
    const { id } = sources.get(partition)!;
    await backoff.retry(done, () => postgres.skip(id, from, to, "deleted before it was read"));
    reporter.note(`${reason}: loss accepted`, "loss_accepted");
    await backoff.retry(done, () => sources.reload(partition));
    return sources.get(partition)!.nextOffset;
  }
}
