import type { Consumer, Kafka } from "kafkajs";
import type { Range } from "../record/offsets.ts";
import type { Message } from "../record/validate.ts";
import { atMost } from "./deadline.ts";
import { connectMember, type MemberConnection, type MemberOptions } from "./member.ts";
import { OffsetCommits } from "./offset_commits.ts";
import { type Assignment, PartitionReader } from "./partition_reader.ts";
import { fetchById } from "./patches/fetch.ts";

/** Records of one partition in offset order, with nothing readable left out since `from`. */
export interface Batch {
  partition: number;
  from: number;
  messages: Message[];
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
  /** By assigned partition, the position in the database: it is committed for lag tools. */
  settled(): Promise<Map<number, number>>;
  /** The log does not contain `position`: returns the next offset to read, or throws. */
  outOfRange(partition: number, position: number, range: Range): Promise<number>;
}

/** How to read. */
export interface ReadOptions extends MemberOptions {
  /** The broker refuses to read from a topic of the same name with another id; null: its brokers do not know ids. */
  topicId: string | null;
  concurrency: number;
  /** The connection of the first membership; null: it is opened when it is needed. */
  connection?: MemberConnection | null;
  /** Called while the client connects; it joins the group when this resolves. */
  admit?(): Promise<void>;
  ranges(): Promise<Map<number, Range>>;
}

/** The longest times to end a membership; after a signal the process has ten seconds for everything. */
const DRAIN = {
  stopped: { joinMs: 3_500, idleMs: 3_500, commitMs: 1_000, leaveMs: 2_000 },
  failed: { joinMs: 0, idleMs: 10_000, commitMs: 10_000, leaveMs: 10_000 },
};
const LOADING_MS = { max: 30_000, look: 100 };

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
  fetchById(options.topic, options.topicId);
  const endAt = performance.now() + LOADING_MS.max;
  let admitted: Promise<void> | undefined;
  const admit = () => admitted ??= Promise.resolve(options.admit?.());
  let { connection = null } = options;
  while (!signal.aborted) {
    try {
      const member = connection ?? connectMember(kafka, options);
      connection = null;
      return await readAsMember(member, handler, { ...options, admit }, signal);
    } catch (error) {
      // Normal in a new cluster or after the coordinator moved, but kafkajs reports it as a crash.
      const isLoading = (error as { type?: string }).type === "GROUP_LOAD_IN_PROGRESS";
      if (!isLoading || performance.now() > endAt) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOADING_MS.look));
  }
}

async function readAsMember(
  { consumer, ready }: MemberConnection,
  handler: BatchHandler,
  options: ReadOptions,
  signal: AbortSignal,
): Promise<void> {
  const reader = new Reader(consumer, handler, options);
  const stop = () => reader.stop();
  signal.addEventListener("abort", stop, { once: true });
  const joined = Promise.all([ready, options.admit?.()]).then(() =>
    join(consumer, reader, options)
  );
  try {
    // Joining takes as long as other members need, which a stop must not wait for.
    await Promise.race([joined.then(() => reader.ended), reader.ended]);
  } finally {
    signal.removeEventListener("abort", stop);
    reader.stop();
    const { joinMs, idleMs, commitMs, leaveMs } = signal.aborted ? DRAIN.stopped : DRAIN.failed;
    // kafkajs cannot leave a group before it has joined; the others would wait for this member.
    await atMost(joinMs, joined);
    await atMost(idleMs, reader.idle());
    await atMost(commitMs, reader.commit());
    await atMost(leaveMs, consumer.disconnect());
  }
}

/** Joins the group. */
async function join(consumer: Consumer, reader: Reader, options: ReadOptions): Promise<void> {
  const { concurrency } = options;
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: concurrency,
    eachBatch: async (payload) => await reader.partition(payload.batch.partition)?.take(payload),
  });
}

/** One membership in the group: the current assignment, and what is committed for lag tools. */
class Reader {
  readonly #consumer: Consumer;
  readonly #handler: BatchHandler;
  readonly #options: ReadOptions;
  readonly #ended = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  /** Ends with the current assignment. */
  #owning = new AbortController();
  #assignment: Assignment | null = null;
  #assigned: number[] = [];
  /** The partitions of the current assignment, once the handler has said where to read each. */
  #partitions = new Map<number, PartitionReader>();
  readonly #commits: OffsetCommits;

  constructor(consumer: Consumer, handler: BatchHandler, options: ReadOptions) {
    this.#consumer = consumer;
    this.#handler = handler;
    this.#options = options;
    this.#commits = new OffsetCommits(consumer, options.topic, () => handler.settled());
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.#join(payload.memberAssignment[options.topic] ?? []);
    });
    consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
      if (payload.batchSize > 0) return;
      const next = Number(payload.lastOffset) + 1;
      this.partition(payload.partition)?.skip(next).catch(this.#ended.reject);
    });
    // kafkajs asks for metadata when a broker refused a fetch, as it does when the topic was deleted or recreated. A
    // new topic accepts offsets of the old one, so every position is checked again before anything more is stored.
    consumer.on(consumer.events.REQUEST, ({ payload }) => {
      if (this.#partitions.size === 0 || this.#stopping.signal.aborted) return;
      if (payload.apiName === "Metadata") this.#join(this.#assigned);
      if (payload.apiName === "ListOffsets") this.#assignment!.wasOutOfRange = true;
    });
    // Before kafkajs reports a crash it stops, and from then on it refuses every call: batches that finish now must not
    // fail the run for that reason.
    consumer.on(consumer.events.STOP, () => this.#stopping.abort());
    consumer.on(consumer.events.CRASH, ({ payload }) => this.#ended.reject(payload.error));
  }

  /** Settles when reading is over: rejects with the reason unless stop() was called. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Lets the current batches finish and takes no more. */
  stop(): void {
    this.#stopping.abort();
    this.#commits.stop();
    this.#ended.resolve();
  }

  /** An assigned partition; undefined until the handler has said where to read it. */
  partition(partition: number): PartitionReader | undefined {
    return this.#partitions.get(partition);
  }

  /** Resolves when the handler has finished every batch. */
  async idle(): Promise<void> {
    await Promise.all([...this.#partitions.values()].map(({ idle }) => idle));
  }

  /** Runs inside kafkajs's join, before its first fetch: without the pause, batches from a wrong offset come first. */
  #join(partitions: number[]): void {
    const { topic } = this.#options;
    // Batches of the previous assignment still change positions.
    const isIdle = this.idle();
    const assignment = this.#assignment = this.#newAssignment();
    const { owning, signal } = assignment;
    this.#assigned = partitions;
    this.#partitions = new Map();
    this.#consumer.pause([{ topic, partitions }]);
    isIdle.then(() => this.#handler.assign(partitions, signal)).then((positions) => {
      if (signal.aborted) return;
      for (const [partition, position] of positions) {
        this.#partitions.set(partition, new PartitionReader(partition, position, assignment));
      }
      this.#consumer.resume([{ topic, partitions }]);
      this.#commits.soon();
    }).catch((error) => owning.aborted || this.#ended.reject(error));
  }

  #newAssignment(): Assignment {
    this.#owning.abort();
    this.#owning = new AbortController();
    return {
      topic: this.#options.topic,
      consumer: this.#consumer,
      handler: this.#handler,
      ranges: this.#options.ranges,
      owning: this.#owning.signal,
      signal: AbortSignal.any([this.#owning.signal, this.#stopping.signal]),
      wasOutOfRange: false,
      rejoin: () => this.#join(this.#assigned),
      settled: () => this.#commits.soon(),
      fail: this.#ended.reject,
    };
  }

  /** Commits what is settled, at the end of the membership. */
  commit(): Promise<void> {
    return this.#commits.now();
  }
}
