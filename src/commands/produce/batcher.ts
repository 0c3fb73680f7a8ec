import { partitionOf } from "./partitioner.ts";
import type { Outgoing } from "./records.ts";

/** What became of the records of one send; the counts add up to what was given. */
export interface Outcome {
  acked: number;
  failed: number;
  unknown: number;
  /** Why not acked, and what mends it; else null. */
  fault: { kind: "temporary" | "noPermission"; reason: string; fix: string } | null;
}

/** What an outbox needs of Kafka. */
export interface Sender {
  partitions: number;
  /** Awaited before the next is called; one outcome with a fault, and it is not called again. */
  send(partition: number, records: Outgoing[]): Promise<Outcome>;
}

/** How an outbox fills its batches. */
export interface BatcherOptions {
  batchSize: number;
  /** Where records without a key start their round of the partitions. */
  seed: number;
  /** Longest time a record waits for others. */
  lingerMs: number;
  /** Told of every send as soon as it has ended; the next begins after that. */
  settled(outcome: Outcome, records: Outgoing[]): Promise<void>;
}

/**
 * Bytes of values and headers in one send. Kafka's default limit of a batch is 1 MiB and 12 bytes, so a batch is only
 * larger where a single record is.
 */
const BATCH_BYTES = 524_288;
const KEYS_MAX = 100_000;

interface Bucket {
  records: Outgoing[];
  bytes: number;
  /** When the oldest of them must leave. */
  dueMs: number;
}

/**
 * Collects records by partition and sends what is full or due, one send at a time; the next is filled meanwhile.
 *
 * Times are milliseconds on any clock that never jumps.
 */
export class Batcher {
  readonly #sender: Sender;
  readonly #options: BatcherOptions;
  readonly #buckets: Bucket[];
  readonly #partitions = new Map<string, number>();
  #inFlight: Promise<void> | null = null;
  #turn: number;
  /** True once a send did not succeed: all that is still here, or comes, stays unsent. */
  #stopped = false;

  constructor(sender: Sender, options: BatcherOptions) {
    this.#sender = sender;
    this.#options = options;
    this.#turn = options.seed % sender.partitions;
    this.#buckets = Array.from({ length: sender.partitions }, () => empty());
  }

  /** When the next bucket is due; infinite when nothing waits. */
  get dueMs(): number {
    let dueMs = Infinity;
    for (const bucket of this.#buckets) dueMs = Math.min(dueMs, bucket.dueMs);
    return dueMs;
  }

  /** Takes a record; where that sends a full bucket, what to wait for before the next is added. */
  add(record: Outgoing, nowMs: number): Promise<void> | null {
    const partition = this.#route(record.key);
    const bytes = sizeOf(record);
    const { records, bytes: before } = this.#buckets[partition]!;
    const full = records.length >= this.#options.batchSize ||
      (records.length > 0 && before + bytes > BATCH_BYTES);
    const sending = full ? this.#send(partition) : null;
    const bucket = this.#buckets[partition]!;
    if (bucket.records.length === 0) bucket.dueMs = nowMs + this.#options.lingerMs;
    bucket.records.push(record);
    bucket.bytes += bytes;
    return sending;
  }

  /** Sends every bucket that is due. */
  async sendDue(nowMs: number): Promise<void> {
    for (const [partition, { records, dueMs }] of this.#buckets.entries()) {
      if (records.length > 0 && dueMs <= nowMs) await this.#send(partition);
    }
  }

  /** Sends the rest and waits until all is settled. */
  async close(): Promise<void> {
    await this.sendDue(Infinity);
    await this.#landed();
  }

  /** Pinned here, before the first attempt: chosen again at a retry, it could be another. */
  #route(key: string | null): number {
    if (key === null) return this.#turn++ % this.#sender.partitions;
    let partition = this.#partitions.get(key);
    if (partition === undefined) {
      if (this.#partitions.size >= KEYS_MAX) this.#partitions.clear();
      partition = partitionOf(key, this.#sender.partitions);
      this.#partitions.set(key, partition);
    }
    return partition;
  }

  async #send(partition: number): Promise<void> {
    const { records } = this.#buckets[partition]!;
    this.#buckets[partition] = empty();
    await this.#landed();
    if (this.#stopped) return;
    this.#inFlight = this.#deliver(partition, records);
    // A failure is thrown by #landed(), where somebody waits.
    this.#inFlight.catch(() => {});
  }

  async #deliver(partition: number, records: Outgoing[]): Promise<void> {
    const outcome = await this.#sender.send(partition, records);
    this.#stopped ||= outcome.fault !== null;
    await this.#options.settled(outcome, records);
  }

  /** Waits until nothing is in flight. */
  async #landed(): Promise<void> {
    const inFlight = this.#inFlight;
    this.#inFlight = null;
    await inFlight;
  }
}

function empty(): Bucket {
  return { records: [], bytes: 0, dueMs: Infinity };
}

function sizeOf({ value, headers }: Outgoing): number {
  let size = value?.length ?? 0;
  for (const name in headers) size += headers[name]!.length;
  return size;
}
