import { partitionOf } from "./partitioner.ts";
import type { Outcome, Sender } from "../../kafka/sender.ts";
import type { GeneratedRecord } from "./records.ts";

/** The batcher awaits each send before the next, and does not call it again after an outcome with a fault. */
export interface RecordSender extends Pick<Sender, "partitions" | "checkTopic"> {
  send(partition: number, records: GeneratedRecord[]): Promise<Outcome>;
}

/** How a batcher fills its batches. */
export interface BatcherOptions {
  batchSize: number;
  /** Chooses the partition of the first record without a key; the next ones follow in turn. */
  seed: number;
  /** The longest time that a record waits for its batch to fill. */
  lingerMs: number;
  /** Called after every send; the next send begins when it returns. */
  onSent(outcome: Outcome, records: GeneratedRecord[]): Promise<void>;
}

/**
 * Most bytes of values and headers in one send. Kafka's default limit for a batch is 1 MiB and 12 bytes; with this value,
 * only a batch of a single large record can exceed it.
 */
const BATCH_BYTES = 524_288;
const KEYS_MAX = 100_000;

interface Bucket {
  records: GeneratedRecord[];
  bytes: number;
  /** When the oldest record must be sent. */
  dueMs: number;
}

/**
 * Collects records by partition and sends the full and the overdue batches, one send at a time; meanwhile it fills others.
 *
 * Times are milliseconds of a monotonic clock.
 */
export class Batcher {
  readonly #sender: RecordSender;
  readonly #options: BatcherOptions;
  readonly #buckets: Bucket[];
  readonly #partitions = new Map<string, number>();
  #inFlight: Promise<void> | null = null;
  #turn: number;
  /** True once a send has failed: the remaining and all later records are not sent. */
  #stopped = false;

  constructor(sender: RecordSender, options: BatcherOptions) {
    this.#sender = sender;
    this.#options = options;
    this.#turn = options.seed % sender.partitions;
    this.#buckets = Array.from({ length: sender.partitions }, () => empty());
  }

  /** When the next bucket must be sent; infinite when all are empty. */
  get dueMs(): number {
    let dueMs = Infinity;
    for (const bucket of this.#buckets) dueMs = Math.min(dueMs, bucket.dueMs);
    return dueMs;
  }

  /** Adds a record; returns a promise when this sends a full bucket: await it before the next add(). */
  add(record: GeneratedRecord, nowMs: number): Promise<void> | null {
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

  /** Sends every bucket whose time has come. */
  async sendDue(nowMs: number): Promise<void> {
    for (const [partition, { records, dueMs }] of this.#buckets.entries()) {
      if (records.length > 0 && dueMs <= nowMs) await this.#send(partition);
    }
  }

  /** Sends the remaining records and waits for the last send. */
  async close(): Promise<void> {
    await this.sendDue(Infinity);
    await this.#landed();
  }

  /** Chosen once, before the first attempt: at a retry, the number of partitions could have changed. */
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
    // #landed() throws the failure to its caller.
    this.#inFlight.catch(() => {});
  }

  async #deliver(partition: number, records: GeneratedRecord[]): Promise<void> {
    const outcome = await this.#sender.send(partition, records);
    this.#stopped ||= outcome.fault !== null;
    await this.#options.onSent(outcome, records);
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

function sizeOf({ value, headers }: GeneratedRecord): number {
  let size = value?.length ?? 0;
  for (const name in headers) size += headers[name]!.length;
  return size;
}
