import { OperationalError } from "../../errors.ts";
import {
  contradiction,
  fewerPartitions,
  holds,
  otherRecord,
  place,
  type Range,
  type Spec,
} from "../../record/offsets.ts";
import { makeStep, type Settle, type Step } from "./settle.ts";
import type { Message } from "../../record/validate.ts";

/** How far one partition has come in the database. */
export interface Source {
  id: number;
  partition: number;
  nextOffset: number;
  /** The last record settled, to recognise a topic that was made anew; null before the first. */
  last: { offset: number; hash: string } | null;
  /** Tombstones below this offset were counted before a replay. */
  tombstonesTo: number;
}

/** Records of one partition in offset order, with nothing readable left out since `from`. */
export interface Batch {
  partition: number;
  from: number;
  messages: Message[];
  highWatermark: number;
  /** Ends when another process may own the partition, or when it is time to stop. */
  signal: AbortSignal;
}

/** What a share needs of the topic, the database and the run it belongs to. */
export interface ShareDeps {
  topic: string;
  ranges(): Promise<Map<number, Range>>;
  offsetsAt(ms: number): Promise<Map<number, number>>;
  sources(): Promise<Source[]>;
  addSources(starts: Map<number, number>): Promise<void>;
  /** Moves a source past records that are gone for good, and writes down which. */
  skip(source: number, from: number, to: number, reason: string): Promise<void>;
  fingerprint(message: Message): string;
  note(line: string): void;
  settle: Settle;
  /** Repeats work on the database while that is away. */
  patiently(signal: AbortSignal, work: () => Promise<void>): Promise<void>;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** Called once, when everything asked for is settled. */
  done: AbortController;
}

/** What is to be read. */
export interface ShareOptions {
  /** Where a partition starts that was never read. */
  from: Spec;
  /** How many records at most, in all. */
  count: number;
  batchSize: number;
  stopAtReject: boolean;
  /** Whether to go on past records that were deleted unread. */
  acceptLoss: boolean;
  /** Whether keys that are not known, or stand twice, make a reject. */
  strict: boolean;
}

const CHUNK_BYTES = 4_194_304;

/** The partitions that this process reads, and where each stands; the reader of the topic calls it and obeys. */
export class AssignedPartitions {
  readonly #options: ShareOptions;
  readonly #deps: ShareDeps;
  #sources = new Map<number, Source>();
  /** Of the partitions owned now, null before the group has given any; transaction markers count as passed. */
  #positions: Map<number, number> | null = null;
  readonly #highs = new Map<number, number>();
  #ends: Map<number, number> | null = null;
  /** How many records may still be taken, and how many of those taken are not settled yet. */
  #budget: number;
  #inHand = 0;

  constructor(options: ShareOptions, deps: ShareDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#budget = options.count;
  }

  /** Every partition that was ever read. */
  get sources(): Source[] {
    return [...this.#sources.values()];
  }

  /** Whether the group has given this process its part yet, were it none. */
  get isAssigned(): boolean {
    return this.#positions !== null;
  }

  /** Records not yet settled in the partitions owned now. */
  get lag(): number {
    return [...this.lags.values()].reduce((sum, lag) => sum + lag, 0);
  }

  /** The same by partition. */
  get lags(): Map<number, number> {
    return new Map([...this.#positions ?? []].map(([partition, position]) => {
      return [partition, Math.max((this.#highs.get(partition) ?? 0) - position, 0)];
    }));
  }

  /** Reading is over when every partition has come this far. */
  endAt(ends: Map<number, number>): void {
    this.#ends = ends;
    this.#checkDone();
  }

  /** Whether the database already holds everything below the ends, and no more than the log does. */
  nothingToRead(ranges: Map<number, Range>): boolean {
    return this.#ends !== null && [...this.#ends].every(([partition, end]) => {
      const next = this.#sources.get(partition)?.nextOffset ?? -1;
      return next >= end && next <= (ranges.get(partition)?.high ?? -1);
    });
  }

  /** The group gave this process these partitions, and no others: where each is to be read from. */
  async assign(partitions: number[], signal: AbortSignal): Promise<Map<number, number>> {
    const ranges = await this.#deps.ranges();
    await this.#deps.patiently(signal, () => this.load(ranges, partitions));
    const positions = new Map<number, number>();
    const starts = new Map<number, number>();
    for (const partition of partitions) {
      const { nextOffset, last } = this.#sources.get(partition)!;
      const range = ranges.get(partition)!;
      const kept = holds(range, nextOffset);
      const position = kept ? nextOffset : await this.outOfRange(partition, nextOffset, range);
      positions.set(partition, position);
      // Read once more, the last record shows whether this is still the topic that it came from.
      const shown = kept && last && last.offset < nextOffset && last.offset >= range.low;
      starts.set(partition, shown ? last.offset : position);
      this.#highs.set(partition, range.high);
    }
    if (signal.aborted) return starts;
    this.#positions = positions;
    this.#checkDone();
    return starts;
  }

  /** Settles a batch chunk by chunk; returns where to read on, or null when this partition needs no more. */
  async handleBatch(batch: Batch): Promise<number | null> {
    const { partition, signal } = batch;
    const source = this.#sources.get(partition)!;
    const end = this.#ends?.get(partition) ?? Infinity;
    const messages = batch.messages.filter(({ offset }) =>
      Number(offset) >= source.nextOffset && Number(offset) < end
    );
    this.#highs.set(partition, batch.highWatermark);
    const settled = Number(batch.messages[0]!.offset) < source.nextOffset;
    if (settled) this.#recognise(source, batch.messages);
    let reached: number | null = settled && messages.length === 0 ? source.nextOffset : null;
    for (let at = 0; at < messages.length && this.#budget > 0 && !signal.aborted;) {
      const size = Math.min(chunkSize(messages, at, this.#options.batchSize), this.#budget);
      const chunk = messages.slice(at, at += size);
      const step = makeStep(source.id, source.nextOffset, chunk, {
        countedTo: source.tombstonesTo,
        strict: this.#options.strict,
      });
      reached = await this.#take(partition, step, signal);
      source.nextOffset = reached;
      // Unless the group was shared anew meanwhile, which read this row again.
      if (this.#sources.get(partition) === source) this.advance(partition, reached);
      if (reached !== step.to) break;
    }
    return signal.aborted ? reached ?? batch.from : reached;
  }

  /** Settles a step out of the budget, which gets back what was not settled here. */
  async #take(partition: number, step: Step, signal: AbortSignal): Promise<number> {
    const size = step.messages.length;
    this.#budget -= size;
    this.#inHand += size;
    let reached: number | null = null;
    try {
      if (this.#options.stopAtReject) await this.#stopAtReject(partition, step, signal);
      return reached = await this.#deps.settle(step, signal);
    } finally {
      this.#inHand -= size;
      if (reached !== step.to) this.#budget += size;
    }
  }

  /** Throws when the record settled last is another one now. */
  #recognise({ partition, last }: Source, messages: Message[]): void {
    const again = messages.find(({ offset }) => Number(offset) === last?.offset);
    if (!again || this.#deps.fingerprint(again) === last!.hash) return;
    throw otherRecord(this.#deps.topic, partition, last!.offset);
  }

  /** Nothing readable lies before `next`. */
  advance(partition: number, next: number): void {
    if (this.#positions?.has(partition)) this.#positions.set(partition, next);
    this.#checkDone();
  }

  /** The log does not hold `position`: where to read on, or the failure that says what happened to the log. */
  async outOfRange(partition: number, position: number, range: Range): Promise<number> {
    // After a change of leader the end may stand back for a moment.
    for (let tries = 0; position > range.high && tries < 5; tries++) {
      await this.#deps.sleep(1_000, this.#deps.done.signal);
      range = (await this.#deps.ranges()).get(partition) ?? range;
    }
    if (holds(range, position)) return position;
    const failure = contradiction(this.#deps.topic, partition, position, range);
    if (!this.#options.acceptLoss || position > range.low) throw failure;
    return await this.#skip(partition, position, range.low, failure.message);
  }

  /** Goes on behind what is lost; the loss is in the database before anything after it. */
  async #skip(partition: number, from: number, to: number, reason: string): Promise<number> {
    const { done, skip, patiently, note } = this.#deps;
    const { id } = this.#sources.get(partition)!;
    await patiently(done.signal, () => skip(id, from, to, "deleted before it was read"));
    note(`${reason}: accepted`);
    await patiently(done.signal, async () => {
      for (const source of await this.#deps.sources()) {
        if (source.partition === partition) this.#sources.set(partition, source);
      }
    });
    return this.#sources.get(partition)!.nextOffset;
  }

  /** Reads where every partition stands; those of `needed` that were never read get their start first. */
  async load(ranges: Map<number, Range>, needed: number[] = []): Promise<void> {
    const { sources, addSources, topic } = this.#deps;
    const read = async () => {
      this.#sources = new Map((await sources()).map((source) => [source.partition, source]));
    };
    await read();
    const fresh = needed.filter((partition) => !this.#sources.has(partition));
    if (fresh.length > 0) {
      const starts = await this.resolve(this.#options.from, ranges);
      await addSources(new Map(fresh.map((partition) => [partition, starts.get(partition)!])));
      await read();
    }
    const gone = this.sources.map(({ partition }) => partition).filter((p) => !ranges.has(p));
    if (gone.length > 0) throw fewerPartitions(topic, gone, ranges.size);
  }

  /** Whether the table stands before what was settled: somebody put the database back. */
  async rewound(): Promise<boolean> {
    const known = this.sources.map((source) => ({ ...source }));
    const rows = new Map((await this.#deps.sources()).map((source) => [source.partition, source]));
    return known.some(({ partition, id, nextOffset }) => {
      const row = rows.get(partition);
      return row?.id !== id || row.nextOffset < nextOffset;
    });
  }

  /** The offset of a place in every partition. */
  async resolve(spec: Spec, ranges: Map<number, Range>): Promise<Map<number, number>> {
    const times = spec.at === "time" ? await this.#deps.offsetsAt(spec.ms) : null;
    return new Map([...ranges].map(([partition, range]) => {
      return [partition, place(spec, range, times?.get(partition))];
    }));
  }

  /** At the first reject, stores what comes before it and stops. */
  async #stopAtReject(partition: number, step: Step, signal: AbortSignal): Promise<void> {
    const [reject] = step.validated.rejects;
    if (!reject) return;
    const before = step.messages.filter(({ offset }) => Number(offset) < reject.offset);
    if (before.length > 0) {
      const first = makeStep(step.source, step.from, before, step);
      this.advance(partition, await this.#deps.settle(first, signal));
    }
    throw new OperationalError(
      "data",
      `partition ${partition} offset ${reject.offset} is no record`,
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
    if (ended || (this.#budget <= 0 && this.#inHand === 0)) this.#deps.done.abort();
  }
}

/** As many messages from `at` on as fit one statement: by number, and by bytes unless one alone is larger. */
function chunkSize(messages: Message[], at: number, countMax: number): number {
  let size = 0;
  for (let bytes = 0; size < countMax && at + size < messages.length; size++) {
    const message = messages[at + size]!;
    bytes += message.size ?? message.value?.length ?? 0;
    if (bytes > CHUNK_BYTES && size > 0) break;
  }
  return size;
}
