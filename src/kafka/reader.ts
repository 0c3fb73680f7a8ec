import type { Batch as KafkaBatch, Consumer, EachBatchPayload, Kafka } from "kafkajs";
import type { Range } from "../record/offsets.ts";
import type { Message } from "../record/validate.ts";
import { atMost } from "./deadline.ts";

/** Records of one partition in offset order, with nothing readable left out since `from`. */
export interface Batch {
  partition: number;
  from: number;
  messages: Message[];
  /** Offset after the last record that the broker has. */
  highWatermark: number;
  /** Ends when another process may own the partition, or when the run stops: finish the current step, then return. */
  signal: AbortSignal;
}

/** Processes the records and decides where to read. */
export interface BatchHandler {
  /** This process now owns these partitions, and no others: returns where to read each from. `signal` ends with the assignment. */
  assign(partitions: number[], signal: AbortSignal): Promise<Map<number, number>>;
  /** Takes the batch; returning is the acknowledgement, and the result is the next offset to read. Null: stop reading this partition. */
  handleBatch(batch: Batch): Promise<number | null>;
  /** Nothing readable lies before `next` (transaction markers, aborted records). */
  advance(partition: number, next: number): void;
  /** The log does not contain `position`: returns the next offset to read, or throws. */
  outOfRange(partition: number, position: number, range: Range): Promise<number>;
}

/** How to read. */
export interface ReadOptions {
  topic: string;
  groupId: string;
  sessionTimeoutMs: number;
  /** The broker holds back less than `minBytes` for as long as this, so that a trickle comes in batches. */
  waitMs: number;
  minBytes: number;
  concurrency: number;
  ranges(): Promise<Map<number, Range>>;
}

/**
 * Compressed size. Two fetches are in memory, the current one and the next, and gzip compresses records to a quarter:
 * with 1 MiB per partition, the process took 500 MB. The smaller size does not delay the next fetch.
 */
const PARTITION_BYTES = 32_768;
const FETCH_BYTES = 524_288;
const HEARTBEAT_MS = 1_000;
const DRAIN_MS = 10_000;
const LOADING_MAX_MS = 30_000;
const LOADING_LOOK_MS = 100;
const COMMIT_EVERY_MS = 1_000;

/**
 * Reads the topic as a member of the group until `signal` ends; throws what the handler threw, or why kafkajs stopped.
 *
 * Only the handler decides where to read. The group assigns partitions; offsets committed to it are for lag tools.
 */
export async function readTopic(
  kafka: Kafka,
  handler: BatchHandler,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<void> {
  const endAt = performance.now() + LOADING_MAX_MS;
  while (!signal.aborted) {
    try {
      return await readAsMember(kafka, handler, options, signal);
    } catch (error) {
      // Normal in a new cluster or after the coordinator moved, but kafkajs reports it as a crash.
      const isLoading = (error as { type?: string }).type === "GROUP_LOAD_IN_PROGRESS";
      if (!isLoading || performance.now() > endAt) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOADING_LOOK_MS));
  }
}

async function readAsMember(
  kafka: Kafka,
  handler: BatchHandler,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<void> {
  const consumer = kafka.consumer({
    groupId: options.groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: options.waitMs,
    minBytes: options.minBytes,
    maxBytesPerPartition: PARTITION_BYTES,
    maxBytes: FETCH_BYTES,
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: 60_000,
    // kafkajs would restart forever (tulios/kafkajs#1721); the caller decides instead.
    retry: { initialRetryTime: 100, retries: 5, restartOnFailure: () => Promise.resolve(false) },
  });
  const reader = new Reader(consumer, handler, options);
  const stop = () => reader.stop();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await consumer.connect();
    await consumer.subscribe({ topic: options.topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: options.concurrency,
      eachBatch: (payload) => reader.take(payload),
    });
    await reader.ended;
  } finally {
    signal.removeEventListener("abort", stop);
    reader.stop();
    await atMost(DRAIN_MS, reader.idle());
    await atMost(DRAIN_MS, reader.commit());
    await atMost(DRAIN_MS, consumer.disconnect());
  }
}

/** The state of one group membership: the current assignment and the position of each partition. */
class Reader {
  readonly #consumer: Consumer;
  readonly #handler: BatchHandler;
  readonly #options: ReadOptions;
  readonly #ended = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  /** Grows with each assignment; results of an older one are ignored. */
  #epoch = 0;
  /** The partitions of the current assignment. */
  #partitions: number[] = [];
  /** kafkajs looked for another offset, because the broker did not have the one that it asked for. */
  #wasOutOfRange = false;
  #owning = new AbortController();
  readonly #positions = new Map<number, number>();
  readonly #settled = new Map<number, number>();
  /** By partition, the batch that the handler works on. */
  readonly #work = new Map<number, Promise<void>>();
  #committedAt = 0;

  constructor(consumer: Consumer, handler: BatchHandler, options: ReadOptions) {
    this.#consumer = consumer;
    this.#handler = handler;
    this.#options = options;
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#join(payload.memberAssignment[options.topic] ?? []);
    });
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return;
      this.#skip(payload.partition, Number(payload.lastOffset) + 1).catch(this.#ended.reject);
    });
    // kafkajs asks for metadata when a broker refused a fetch, as it does when the topic was deleted or recreated. A
    // new topic accepts offsets of the old one, so every position is checked again before anything more is stored.
    consumer.on(consumer.events.REQUEST, ({ payload }) => {
      if (this.#positions.size === 0) return;
      if (payload.apiName === "Metadata") this.#join(this.#partitions);
      if (payload.apiName === "ListOffsets") this.#wasOutOfRange = true;
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#ended.reject(payload.error));
  }

  /** Settles when reading is over: rejects with the reason unless stop() was called. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Lets the current batches finish and takes no more. */
  stop(): void {
    this.#stopping.abort();
    this.#ended.resolve();
  }

  /** Runs inside kafkajs's join, before its first fetch: without the pause, batches from a wrong offset come first. */
  #join(partitions: number[]): void {
    this.#epoch++;
    this.#partitions = partitions;
    this.#wasOutOfRange = false;
    this.#owning.abort();
    this.#owning = new AbortController();
    const owning = AbortSignal.any([this.#owning.signal, this.#stopping.signal]);
    this.#positions.clear();
    this.#settled.clear();
    const { topic } = this.#options;
    this.#consumer.pause([{ topic, partitions }]);
    // Batches of the previous assignment still change positions.
    this.idle().then(() => this.#handler.assign(partitions, owning)).then((positions) => {
      if (owning.aborted) return;
      for (const [partition, position] of positions) this.#seek(partition, position);
      this.#consumer.resume([{ topic, partitions }]);
    }).catch((error) => owning.aborted || this.#ended.reject(error));
  }

  #seek(partition: number, position: number): void {
    this.#positions.set(partition, position);
    this.#consumer.seek({ topic: this.#options.topic, partition, offset: String(position) });
  }

  /**
   * Passes one batch of kafkajs to the handler, if it starts at the position of its partition. Returns before the handler
   * is done, so that kafkajs fetches the next batch: otherwise the database is idle for a quarter of the time.
   */
  async take({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const { partition } = batch;
    const pulse = keepAlive(heartbeat);
    try {
      await Promise.race([this.#work.get(partition), pulse.lost]);
    } finally {
      pulse.end();
    }
    const position = this.#positions.get(partition);
    if (position === undefined || this.#stopping.signal.aborted) return;
    // Not in kafkajs's types: the offset that was asked for. When the broker no longer has it, kafkajs jumps silently.
    const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
    if (Number(fetchedOffset) !== position) {
      return await this.#recover(partition, position).catch(this.#ended.reject);
    }
    resolveOffset(batch.messages.at(-1)!.offset);
    this.#positions.set(partition, Number(batch.lastOffset()) + 1);
    const signal = AbortSignal.any([this.#owning.signal, this.#stopping.signal]);
    const work = this.#settle(batch, position, signal).catch((error) => {
      this.#positions.delete(partition);
      if (!signal.aborted) this.#ended.reject(error);
    });
    this.#work.set(partition, work);
  }

  /**
   * If only part of the batch was settled, the position changes, so that the batch fetched ahead is not taken for the
   * next one.
   */
  async #settle(batch: KafkaBatch, from: number, signal: AbortSignal): Promise<void> {
    const epoch = this.#epoch;
    const { partition } = batch;
    const next = await this.#handler.handleBatch({
      partition,
      from,
      messages: batch.messages as Message[],
      highWatermark: Number(batch.highWatermark),
      signal,
    });
    if (epoch !== this.#epoch) return;
    if (next === null) {
      this.#positions.delete(partition);
      return this.#consumer.pause([{ topic: this.#options.topic, partitions: [partition] }]);
    }
    if (next === Number(batch.messages.at(-1)!.offset) + 1) {
      this.#handler.advance(partition, Number(batch.lastOffset()) + 1);
    } else {
      this.#seek(partition, next);
    }
    this.#settled.set(partition, next);
    this.#commitSometimes();
  }

  /** Resolves when the handler has finished every batch. */
  async idle(): Promise<void> {
    await Promise.all(this.#work.values());
  }

  /** kafkajs dropped a batch of markers or aborted records and continues at `next`. */
  async #skip(partition: number, next: number): Promise<void> {
    const epoch = this.#epoch;
    await this.#work.get(partition);
    const position = this.#positions.get(partition);
    if (position === undefined || next <= position) return;
    const range = (await this.#options.ranges()).get(partition);
    if (epoch !== this.#epoch || this.#positions.get(partition) !== position) return;
    // If the log now starts after the position, kafkajs jumped over deleted records: take() or the next check reports it.
    if (!range || range.low > position) return;
    this.#positions.set(partition, next);
    this.#handler.advance(partition, next);
  }

  /** kafkajs fetched from the wrong offset: seeks back to the position, or asks the handler if the log changed. */
  async #recover(partition: number, position: number): Promise<void> {
    const epoch = this.#epoch;
    const range = (await this.#options.ranges()).get(partition);
    if (epoch !== this.#epoch || this.#positions.get(partition) !== position) return;
    const inside = range && range.low <= position && position <= range.high;
    // The log shrank and grew again: it may be another topic by now.
    if (inside && this.#wasOutOfRange) return this.#join(this.#partitions);
    const next = inside || !range
      ? position
      : await this.#handler.outOfRange(partition, position, range);
    if (epoch === this.#epoch) this.#seek(partition, next);
  }

  #commitSometimes(): void {
    if (Date.now() - this.#committedAt < COMMIT_EVERY_MS) return;
    this.#committedAt = Date.now();
    void this.commit();
  }

  /** Commits the settled offsets for lag tools; they are never read back, so a failure is ignored. */
  async commit(): Promise<void> {
    const { topic } = this.#options;
    const offsets = [...this.#settled].map(([partition, offset]) => {
      return { topic, partition, offset: String(offset) };
    });
    try {
      if (offsets.length > 0) await this.#consumer.commitOffsets(offsets);
    } catch {
      // The next commit includes these offsets.
    }
  }
}

/** Sends heartbeats while a handler runs, which kafkajs does not; `lost` rejects when the group rebalances. */
function keepAlive(heartbeat: () => Promise<void>) {
  const { promise: lost, reject } = Promise.withResolvers<never>();
  // It may reject while no caller awaits it.
  lost.catch(() => {});
  const timer = setInterval(() => heartbeat().catch(reject), HEARTBEAT_MS);
  return { lost, end: () => clearInterval(timer) };
}
