import { OperationalError } from "../../errors.ts";
import {
  checkTopicId,
  contradiction,
  fewerPartitions,
  holds,
  otherRecord,
  place,
  type Range,
  type Spec,
} from "../../record/offsets.ts";
import { makeStep, type Settle, type SplittableStep } from "./settle.ts";
import type { Message } from "../../record/validate.ts";
import type { Batch } from "../../kafka/reader.ts";
import type { Source, Store } from "../../postgres/store.ts";

/** What the partitions need from the topic, the database and the run. */
export interface PartitionsDeps extends Pick<Store, "sources" | "addSources" | "skip"> {
  topic: string;
  topicId: string | null;
  ranges(): Promise<Map<number, Range>>;
  offsetsAt(ms: number): Promise<Map<number, number>>;
  fingerprint(message: Message): string;
  note(line: string): void;
  settle: Settle;
  /** Retries work while the database is unavailable. */
  retry(signal: AbortSignal, work: () => Promise<void>): Promise<void>;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Aborted when everything requested is settled. */
  done: AbortController;
}

/** What to read. */
export interface PartitionsOptions {
  /** Where to start a partition that was never read. */
  from: Spec;
  /** The maximum number of records over all partitions. */
  count: number;
  batchSize: number;
  stopAtReject: boolean;
  /** Whether to skip records that were deleted before they were read. */
  acceptLoss: boolean;
  /** Whether unknown or duplicate keys make a record a reject. */
  strict: boolean;
}

const CHUNK_BYTES = 4_194_304;

/** The partitions that this process reads, with their positions; the batch handler of the topic reader. */
export class AssignedPartitions {
  readonly #options: PartitionsOptions;
  readonly #deps: PartitionsDeps;
  #sources = new Map<number, Source>();
  /** Of the assigned partitions, transaction markers passed; null before the first assignment. */
  #positions: Map<number, number> | null = null;
  readonly #highs = new Map<number, number>();
  #ends: Map<number, number> | null = null;
  /** How many more records may be settled. */
  #budget: number;
  /** How many records are being settled. */
  #inFlight = 0;

  constructor(options: PartitionsOptions, deps: PartitionsDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#budget = options.count;
  }

  /** All partitions that were ever read. */
  get sources(): Source[] {
    return [...this.#sources.values()];
  }

  /** Whether the group has assigned partitions to this process, even if none. */
  get isAssigned(): boolean {
    return this.#positions !== null;
  }

  /** Records not yet settled in the assigned partitions. */
  get lag(): number {
    return [...this.lags.values()].reduce((sum, lag) => sum + lag, 0);
  }

  /** The same by partition. */
  get lags(): Map<number, number> {
    return new Map([...this.#positions ?? []].map(([partition, position]) => {
      return [partition, Math.max((this.#highs.get(partition) ?? 0) - position, 0)];
    }));
  }

  /** Sets the offsets at which the run ends. */
  endAt(ends: Map<number, number>): void {
    this.#ends = ends;
    this.#checkDone();
  }

  /** Whether the database holds everything below the ends, and its positions lie within the log. */
  nothingToRead(ranges: Map<number, Range>): boolean {
    return this.#ends !== null && [...this.#ends].every(([partition, end]) => {
      const next = this.#sources.get(partition)?.nextOffset ?? -1;
      return next >= end && next <= (ranges.get(partition)?.high ?? -1);
    });
  }

  /** The group assigned exactly these partitions: returns where to read each from. */
  async assign(partitions: number[], signal: AbortSignal): Promise<Map<number, number>> {
    const ranges = await this.#deps.ranges();
    await this.#deps.retry(signal, () => this.load(ranges, partitions));
    const positions = new Map<number, number>();
    const starts = new Map<number, number>();
    for (const partition of partitions) {
      const { nextOffset, last } = this.#sources.get(partition)!;
      const range = ranges.get(partition)!;
      const kept = holds(range, nextOffset);
      const position = kept ? nextOffset : await this.outOfRange(partition, nextOffset, range);
      positions.set(partition, position);
      // The last settled record is read again: it shows whether the topic was recreated.
      const isReadable = kept && last && last.offset < nextOffset && last.offset >= range.low;
      starts.set(partition, isReadable ? last.offset : position);
      this.#highs.set(partition, range.high);
    }
    if (signal.aborted) return starts;
    this.#positions = positions;
    this.#checkDone();
    return starts;
  }

  /** Settles a batch in chunks; returns where to read next, or null when this partition is finished. */
  async handleBatch(batch: Batch): Promise<number | null> {
    const { partition, signal } = batch;
    const source = this.#sources.get(partition)!;
    const end = this.#ends?.get(partition) ?? Infinity;
    const messages = batch.messages.filter(({ offset }) =>
      Number(offset) >= source.nextOffset && Number(offset) < end
    );
    this.#highs.set(partition, batch.highWatermark);
    const isRepeated = Number(batch.messages[0]!.offset) < source.nextOffset;
    if (isRepeated) this.#checkLastRecord(source, batch.messages);
    let reached: number | null = isRepeated && messages.length === 0 ? source.nextOffset : null;
    for (let at = 0; at < messages.length && this.#budget > 0 && !signal.aborted;) {
      const size = Math.min(chunkSize(messages, at, this.#options.batchSize), this.#budget);
      const chunk = messages.slice(at, at += size);
      const step = makeStep(source.id, source.nextOffset, chunk, {
        countedTo: source.tombstonesTo,
        strict: this.#options.strict,
      });
      reached = await this.#settleWithinBudget(partition, step, signal);
      source.nextOffset = reached;
      // After a rebalance the row was read again, and that position counts.
      if (this.#sources.get(partition) === source) this.advance(partition, reached);
      if (reached !== step.to) break;
    }
    return signal.aborted ? reached ?? batch.from : reached;
  }

  /** Takes a step out of the budget and settles it; a step not settled here is returned to the budget. */
  async #settleWithinBudget(
    partition: number,
    step: SplittableStep,
    signal: AbortSignal,
  ): Promise<number> {
    const size = step.messages.length;
    this.#budget -= size;
    this.#inFlight += size;
    let reached: number | null = null;
    try {
      if (this.#options.stopAtReject) await this.#stopAtReject(partition, step, signal);
      return reached = await this.#deps.settle(step, signal);
    } finally {
      this.#inFlight -= size;
      if (reached !== step.to) this.#budget += size;
    }
  }

  /** Throws when the record at the last settled offset is a different one: the topic was recreated. */
  #checkLastRecord({ partition, last }: Source, messages: Message[]): void {
    const repeated = messages.find(({ offset }) => Number(offset) === last?.offset);
    if (!repeated || this.#deps.fingerprint(repeated) === last!.hash) return;
    throw otherRecord(this.#deps.topic, partition, last!.offset);
  }

  /** Nothing readable lies before `next`. */
  advance(partition: number, next: number): void {
    if (this.#positions?.has(partition)) this.#positions.set(partition, next);
    this.#checkDone();
  }

  /** The log does not contain `position`: returns where to read next, or throws what happened to the log. */
  async outOfRange(partition: number, position: number, range: Range): Promise<number> {
    // After a leader change the end of the log may be lower for a moment.
    for (let tries = 0; position > range.high && tries < 5; tries++) {
      await this.#deps.sleep(1_000, this.#deps.done.signal);
      range = (await this.#deps.ranges()).get(partition) ?? range;
    }
    if (holds(range, position)) return position;
    const failure = contradiction(this.#deps.topic, partition, position, range);
    if (!this.#options.acceptLoss || position > range.low) throw failure;
    return await this.#acceptLoss(partition, position, range.low, failure.message);
  }

  /** Skips deleted records; the loss is recorded in the database before any later record. */
  async #acceptLoss(partition: number, from: number, to: number, reason: string): Promise<number> {
    const { done, skip, retry, note } = this.#deps;
    const { id } = this.#sources.get(partition)!;
    await retry(done.signal, () => skip(id, from, to, "deleted before it was read"));
    note(`${reason}: loss accepted`);
    await retry(done.signal, async () => {
      for (const source of await this.#deps.sources()) {
        if (source.partition === partition) this.#sources.set(partition, source);
      }
    });
    return this.#sources.get(partition)!.nextOffset;
  }

  /** Loads the positions of all partitions; adds those of `needed` that were never read. */
  async load(ranges: Map<number, Range>, needed: number[] = []): Promise<void> {
    const { sources, addSources, topic, topicId } = this.#deps;
    const read = async () => {
      this.#sources = new Map((await sources()).map((source) => [source.partition, source]));
    };
    await read();
    checkTopicId(topic, topicId, this.sources);
    const fresh = needed.filter((partition) => !this.#sources.has(partition));
    if (fresh.length > 0) {
      const starts = await this.resolve(this.#options.from, ranges);
      await addSources(new Map(fresh.map((partition) => [partition, starts.get(partition)!])));
      await read();
    }
    const gone = this.sources.map(({ partition }) => partition).filter((p) => !ranges.has(p));
    if (gone.length > 0) throw fewerPartitions(topic, gone, ranges.size);
  }

  /** Whether a position in the database is lower than what was settled: the database was restored or replayed. */
  async rewound(): Promise<boolean> {
    const known = this.sources.map((source) => ({ ...source }));
    const rows = new Map((await this.#deps.sources()).map((source) => [source.partition, source]));
    return known.some(({ partition, id, nextOffset }) => {
      const row = rows.get(partition);
      return row?.id !== id || row.nextOffset < nextOffset;
    });
  }

  /** The offset that `spec` means in each partition. */
  async resolve(spec: Spec, ranges: Map<number, Range>): Promise<Map<number, number>> {
    const times = spec.at === "time" ? await this.#deps.offsetsAt(spec.ms) : null;
    return new Map([...ranges].map(([partition, range]) => {
      return [partition, place(spec, range, times?.get(partition))];
    }));
  }

  /** Settles the records before the first reject, then throws. */
  async #stopAtReject(partition: number, step: SplittableStep, signal: AbortSignal): Promise<void> {
    const [reject] = step.validated.rejects;
    if (!reject) return;
    const before = step.messages.filter(({ offset }) => Number(offset) < reject.offset);
    if (before.length > 0) {
      const first = makeStep(step.source, step.from, before, step);
      this.advance(partition, await this.#deps.settle(first, signal));
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

  #checkDone(): void {
    const [ends, positions] = [this.#ends, this.#positions];
    const ended = ends !== null && positions !== null &&
      [...positions].every(([partition, position]) => position >= (ends.get(partition) ?? 0));
    if (ended || (this.#budget <= 0 && this.#inFlight === 0)) this.#deps.done.abort();
  }
}

/** How many messages from `at` on fit in one statement, by count and by bytes; at least one. */
function chunkSize(messages: Message[], at: number, countMax: number): number {
  let size = 0;
  for (let bytes = 0; size < countMax && at + size < messages.length; size++) {
    const message = messages[at + size]!;
    bytes += message.size ?? message.value?.length ?? 0;
    if (bytes > CHUNK_BYTES && size > 0) break;
  }
  return size;
}
