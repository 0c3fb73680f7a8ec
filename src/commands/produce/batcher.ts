import type { Outcome } from "../../kafka/sender.ts";
import type { Senders } from "../../kafka/senders.ts";
import { partitionOf } from "./partitioner.ts";
import type { GeneratedRecord } from "./records.ts";

/** The batcher has one send per lane in flight, and sends nothing after an outcome with a fault. */
export interface RecordSender
  extends Pick<Senders, "partitions" | "lanes" | "troubleOf" | "checkTopic"> {
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
  /** Called after every send, one call at a time; the next send of that lane begins when it returns. */
  onSent(outcome: Outcome, records: GeneratedRecord[]): Promise<void>;
}

/**
 * Most bytes of one send before it is compressed. Kafka's default limit for a batch is 1 MiB and 12 bytes, so that only a
 * batch of a single large record can exceed it. On a long line the rate is this much in each round trip.
 */
const BATCH_BYTES = 1_000_000;
/** What a record and a header need beside key, name and value, at most. */
const AROUND = 22;
/** A batch of so many records need not wait for more. While its lane is busy it grows. */
const FILLED = 1_000;
/** Records that wait for their lanes; beyond that, add() waits. */
const WAITING_BYTES = 4_194_304;
const KEYS_MAX = 100_000;

/** The records of one partition that wait. */
interface Bucket {
  records: GeneratedRecord[];
  bytes: number;
  /** When the oldest record must be sent. */
  dueMs: number;
}

/** Collects records by partition and sends full and overdue batches, one at a time in each lane. */
export class Batcher {
  readonly #sender: RecordSender;
  readonly #options: BatcherOptions;
  readonly #buckets: Bucket[];
  readonly #partitions = new Map<string, number>();
  /** By lane: whether a send is in flight. */
  readonly #isBusy: boolean[];
  /** By partition: when its send in flight began. */
  readonly #sending = new Map<number, number>();
  #turn: number;
  #waitingBytes = 0;
  /** Settles when the next send is over. */
  #landing = Promise.withResolvers<void>();
  #reports: Promise<void> = Promise.resolve();
  #isClosing = false;
  /** True once a send has failed: the remaining and all later records are not sent. */
  #isStopped = false;
  /** What a send or onSent() threw; null: nothing. */
  #failure: { error: unknown } | null = null;

  constructor(sender: RecordSender, options: BatcherOptions) {
    this.#sender = sender;
    this.#options = options;
    this.#turn = options.seed % sender.partitions;
    this.#buckets = Array.from({ length: sender.partitions }, () => empty());
    this.#isBusy = Array.from({ length: sender.lanes }, () => false);
  }

  /** When the next batch must be sent that can be; infinite when there is none. */
  get dueMs(): number {
    return this.#buckets.reduce((dueMs, bucket, partition) => {
      return this.#isBusy[this.#laneOf(partition)] ? dueMs : Math.min(dueMs, bucket.dueMs);
    }, Infinity);
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
    if (this.#isFull(bucket)) this.#sendNext(this.#laneOf(partition));
    return this.#waitingBytes > WAITING_BYTES || this.#failure ? this.#waitForRoom() : null;
  }

  /** Sends what is overdue; throws what an earlier send threw. */
  sendDue(): void {
    this.#throwFailure();
    for (const lane of this.#isBusy.keys()) this.#sendNext(lane);
  }

  /** Sends the remaining records and waits for the last send. */
  async close(): Promise<void> {
    this.#isClosing = true;
    for (const lane of this.#isBusy.keys()) this.#sendNext(lane);
    while (this.#isBusy.includes(true)) await this.#landing.promise;
    this.#throwFailure();
  }

  #laneOf(partition: number): number {
    return partition % this.#isBusy.length;
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

  /** Begins to send the batch of a lane that has waited longest, if one is full or overdue and the lane is free. */
  #sendNext(lane: number): void {
    if (this.#isBusy[lane] || this.#isStopped || this.#failure) return;
    const nowMs = this.#isClosing ? Infinity : this.#options.clock();
    let next: number | null = null;
    for (let at = lane; at < this.#buckets.length; at += this.#isBusy.length) {
      const bucket = this.#buckets[at]!;
      if (bucket.records.length === 0 || (bucket.dueMs > nowMs && !this.#isFull(bucket))) continue;
      if (next === null || bucket.dueMs < this.#buckets[next]!.dueMs) next = at;
    }
    if (next === null) return;
    this.#isBusy[lane] = true;
    void this.#deliver(lane, next, this.#take(this.#buckets[next]!));
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

  async #deliver(lane: number, partition: number, records: GeneratedRecord[]): Promise<void> {
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
    this.#isBusy[lane] = false;
    this.#sendNext(lane);
    this.#landing.resolve();
    this.#landing = Promise.withResolvers();
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

function empty(): Bucket {
  return { records: [], bytes: 0, dueMs: Infinity };
}

/** The bytes of an encoded record, at most; text is ASCII. */
function sizeOf({ key, value, headers }: GeneratedRecord): number {
  let size = AROUND + (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) size += AROUND + name.length + headers[name]!.length;
  return size;
}
