import type { Outcome } from "../../kafka/sender.ts";
import type { Senders } from "../../kafka/senders.ts";
import { type Bucket, empty, sizeOf } from "./bucket.ts";
import { partitionOf } from "./partitioner.ts";
import type { GeneratedRecord } from "./records.ts";

/** The batcher has one send per lane in flight, and sends nothing after an outcome with a fault. */
export interface RecordSender
  extends Pick<Senders, "partitions" | "lanes" | "widen" | "troubleOf" | "checkTopic"> {
  send(partition: number, records: GeneratedRecord[]): Promise<Outcome>;
}

/** How a batcher fills its batches. */
export interface BatcherOptions {
  /** Most records of a batch. */
  batchSize: number;
  /** Chooses the partition of the first record without a key; the next ones follow in turn. */
  seed: number;
  /** The longest time that a record waits for its batch to fill. */
  lingerMs: number;
  /** Milliseconds of a clock that never jumps. */
  clock(): number;
  /** Called after every send, one call at a time; the next send to that partition begins when it returns. */
  onSent(outcome: Outcome, records: GeneratedRecord[]): Promise<void>;
}

/**
 * Most bytes of one send before it is compressed. Kafka's default limit for a batch is 1 MiB and 12 bytes, so that only a
 * batch of a single large record can exceed it. On a long line the rate is this much in each round trip.
 */
const BATCH_BYTES = 1_000_000;
/** A batch of so many records need not wait for more. While no lane is free it grows. */
const FILLED = 1_000;
/** When all sends in flight take longer, their brokers may be down: other partitions need other lanes. */
const STUCK_MS = 1_000;
/** Records in flight: on a slow line, more lanes must not mean that each send takes longer. */
const FLIGHT_BYTES = 4 * BATCH_BYTES;
/** Records that wait for a lane; beyond that, add() waits. */
const WAITING_BYTES = 4_194_304;
const KEYS_MAX = 100_000;

/** Collects records by partition and sends full and overdue batches, one at a time to each partition. */
export class Batcher {
  readonly #sender: RecordSender;
  readonly #options: BatcherOptions;
  readonly #buckets: Bucket[];
  readonly #partitions = new Map<string, number>();
  /** By partition: the bytes of its send that is in flight or not yet reported. */
  readonly #busy = new Map<number, number>();
  /** By partition: when its send in flight began. */
  readonly #sending = new Map<number, number>();
  #turn: number;
  #waitingBytes = 0;
  /** Settles when the next send is over. */
  #landing = Promise.withResolvers<void>();
  #reports: Promise<void> = Promise.resolve();
  #isClosing = false;
  /** When more lanes may be added. */
  #widenMs = 0;
  /** True once a send has failed: the remaining and all later records are not sent. */
  #isStopped = false;
  /** What a send or onSent() threw; null: nothing. */
  #failure: { error: unknown } | null = null;

  constructor(sender: RecordSender, options: BatcherOptions) {
    this.#sender = sender;
    this.#options = options;
    this.#turn = options.seed % sender.partitions;
    this.#buckets = Array.from({ length: sender.partitions }, () => empty());
  }

  /** When sendDue() has something to do; infinite when it has nothing before a send is over. */
  get dueMs(): number {
    const dueMs = this.#buckets.reduce((dueMs, bucket, partition) => {
      return this.#busy.has(partition) ? dueMs : Math.min(dueMs, bucket.dueMs);
    }, Infinity);
    return this.#hasLane ? dueMs : Math.max(dueMs, this.#stuckMs);
  }

  /** Settles when the next send is over: then another batch may be due. */
  get landing(): Promise<void> {
    return this.#landing.promise;
  }

  /** The send that has been in flight for longest: its partition, and when it began. */
  get oldestSend(): { partition: number; sinceMs: number } | null {
    // A map keeps the order in which its entries were added.
    for (const [partition, sinceMs] of this.#sending) return { partition, sinceMs };
    return null;
  }

  /** Adds a record; returns a promise when too many wait: await it before the next add(). */
  add(record: GeneratedRecord, nowMs: number): Promise<void> | null {
    if (this.#isStopped) return null;
    const partition = this.#route(record.key);
    const bucket = this.#buckets[partition]!;
    if (bucket.records.length === 0) bucket.dueMs = nowMs + this.#options.lingerMs;
    const bytes = sizeOf(record);
    bucket.records.push(record);
    bucket.bytes += bytes;
    this.#waitingBytes += bytes;
    if (this.#isFull(bucket)) this.#sendNext();
    return this.#waitingBytes > WAITING_BYTES || this.#failure ? this.#waitForRoom() : null;
  }

  /** Sends what is overdue; throws what an earlier send threw. */
  sendDue(): void {
    this.#throwFailure();
    this.#sendNext();
    if (!this.#hasLane && this.#stuckMs <= this.#options.clock()) void this.#widen();
  }

  /** Sends the remaining records and waits for the last send. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#sendNext();
    while (this.#busy.size > 0) await this.#landing.promise;
    this.#throwFailure();
  }

  get #hasLane(): boolean {
    return this.#busy.size < this.#sender.lanes && this.#flightBytes() < FLIGHT_BYTES;
  }

  /** When all sends in flight will have taken too long; infinite if more lanes would not help. */
  get #stuckMs(): number {
    const isFull = this.#flightBytes() >= FLIGHT_BYTES;
    if (isFull || this.#busy.size >= this.#buckets.length) return Infinity;
    // A map keeps the order in which its entries were added.
    const newestMs = [...this.#sending.values()].at(-1) ?? Infinity;
    return Math.max(newestMs + STUCK_MS, this.#widenMs);
  }

  #flightBytes(): number {
    return this.#busy.values().reduce((sum, bytes) => sum + bytes, 0);
  }

  async #widen(): Promise<void> {
    this.#widenMs = Infinity;
    await this.#sender.widen();
    this.#widenMs = this.#options.clock() + STUCK_MS;
    this.#land();
  }

  /** Sends what can be sent now, and wakes those who wait for it. */
  #land(): void {
    this.#sendNext();
    this.#landing.resolve();
    this.#landing = Promise.withResolvers();
  }

  /**
   * Chosen once, before the first attempt. When partitions are added, new records use them too: then the records of one
   * key are in order within each of its two partitions.
   */
  #route(key: string | null): number {
    if (this.#sender.partitions > this.#buckets.length) {
      while (this.#buckets.length < this.#sender.partitions) this.#buckets.push(empty());
      this.#partitions.clear();
    }
    if (key === null) return this.#turn++ % this.#sender.partitions;
    let partition = this.#partitions.get(key);
    if (partition === undefined) {
      if (this.#partitions.size >= KEYS_MAX) this.#partitions.clear();
      partition = partitionOf(key, this.#sender.partitions);
      this.#partitions.set(key, partition);
    }
    return partition;
  }

  #isFull({ records, bytes }: Bucket): boolean {
    return records.length >= Math.min(this.#options.batchSize, FILLED) || bytes >= BATCH_BYTES;
  }

  /** Begins to send the batches that are full or overdue, those first that waited longest, while lanes are free. */
  #sendNext(): void {
    const nowMs = this.#isClosing ? Infinity : this.#options.clock();
    while (this.#hasLane && !this.#isStopped && !this.#failure) {
      let next: number | null = null;
      for (const [partition, bucket] of this.#buckets.entries()) {
        if (this.#busy.has(partition) || bucket.records.length === 0) continue;
        if (bucket.dueMs > nowMs && !this.#isFull(bucket)) continue;
        if (next === null || bucket.dueMs < this.#buckets[next]!.dueMs) next = partition;
      }
      if (next === null) return;
      const bucket = this.#buckets[next]!;
      const bytesBefore = bucket.bytes;
      const records = this.#take(bucket);
      this.#busy.set(next, bytesBefore - bucket.bytes);
      void this.#deliver(next, records);
    }
  }

  /** Takes a batch out of a bucket: as many records as fit, but at least one. */
  #take(bucket: Bucket): GeneratedRecord[] {
    const { batchSize, lingerMs, clock } = this.#options;
    let [count, bytes] = [0, 0];
    while (count < Math.min(bucket.records.length, batchSize)) {
      const size = sizeOf(bucket.records[count]!);
      if (count > 0 && bytes + size > BATCH_BYTES) break;
      bytes += size;
      count++;
    }
    const records = bucket.records.splice(0, count);
    bucket.bytes -= bytes;
    this.#waitingBytes -= bytes;
    bucket.dueMs = bucket.records.length > 0 ? clock() + lingerMs : Infinity;
    return records;
  }

  async #deliver(partition: number, records: GeneratedRecord[]): Promise<void> {
    this.#sending.set(partition, this.#options.clock());
    try {
      const sending = this.#sender.send(partition, records);
      const outcome = await sending.finally(() => this.#sending.delete(partition));
      this.#isStopped ||= outcome.fault !== null;
      this.#reports = this.#reports.then(() => this.#options.onSent(outcome, records));
      await this.#reports;
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#busy.delete(partition);
    this.#land();
  }

  async #waitForRoom(): Promise<void> {
    while (this.#waitingBytes > WAITING_BYTES && !this.#isStopped && !this.#failure) {
      await this.#landing.promise;
    }
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}
