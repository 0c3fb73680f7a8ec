import type { Batch as KafkaBatch, Consumer, EachBatchPayload } from "kafkajs";
import { endOf, type Range } from "../record/offsets.ts";
import type { Message } from "../record/validate.ts";
import type { BatchHandler } from "./reader.ts";

/** What the partitions of one assignment share. */
export interface Assignment {
  topic: string;
  consumer: Pick<Consumer, "seek" | "pause">;
  handler: Pick<BatchHandler, "handleBatch" | "advance" | "outOfRange">;
  ranges(): Promise<Map<number, Range>>;
  /** Ends with the assignment. */
  owning: AbortSignal;
  /** Ends when another process may own the partitions, or when the run stops. */
  signal: AbortSignal;
  /** kafkajs looked for another offset, because the broker did not have the one that it asked for. */
  wasOutOfRange: boolean;
  /** Takes up the partitions again, which compares the topic with what was read of it. */
  rejoin(): void;
  /** Records are settled, or markers passed. */
  settled(): void;
  fail(error: unknown): void;
}

const HEARTBEAT_MS = 1_000;

/** Reads one partition during one assignment: knows where it is, and the batch that the handler works on. */
export class PartitionReader {
  readonly #partition: number;
  readonly #shared: Assignment;
  /** The next offset to receive; null: reading is over. */
  #position: number | null;
  #work: Promise<void> = Promise.resolve();

  constructor(partition: number, position: number, shared: Assignment) {
    this.#partition = partition;
    this.#shared = shared;
    this.#position = position;
    this.#seek(position);
  }

  /** Resolves when the handler has finished its batch. */
  get idle(): Promise<void> {
    return this.#work;
  }

  /**
   * Passes one batch of kafkajs to the handler, if it starts at the position. Returns before the handler is done, so that
   * kafkajs fetches the next batch: otherwise the database is idle for a quarter of the time.
   */
  async take({ batch, resolveOffset, heartbeat }: EachBatchPayload): Promise<void> {
    const pulse = keepAlive(heartbeat);
    try {
      await Promise.race([this.#work, pulse.lost]);
    } finally {
      pulse.end();
    }
    const { signal, fail } = this.#shared;
    const from = this.#position;
    if (from === null || signal.aborted) return;
    // Not in kafkajs's types: the offset that was asked for. When the broker no longer has it, kafkajs jumps silently.
    const { fetchedOffset } = batch as unknown as { fetchedOffset: string };
    if (Number(fetchedOffset) !== from) return await this.#recover(from).catch(fail);
    const end = endOfBatch(batch);
    resolveOffset(String(end - 1));
    this.#position = end;
    this.#work = this.#process(batch, from).catch((error) => {
      this.#position = null;
      if (!signal.aborted) fail(error);
    });
  }

  /** Has the handler process the batch, and goes where it says. */
  async #process(batch: KafkaBatch, from: number): Promise<void> {
    const { handler, owning, signal, consumer, topic } = this.#shared;
    const partition = this.#partition;
    const messages = batch.messages as Message[];
    const next = await handler.handleBatch({ partition, from, messages, signal });
    if (owning.aborted) return;
    if (next === null) {
      this.#position = null;
      return consumer.pause([{ topic, partitions: [partition] }]);
    }
    if (next === endOf(messages.at(-1)!)) handler.advance(partition, endOfBatch(batch));
    // Also keeps the batch that was fetched ahead from being taken for the next one.
    else this.#seek(next);
    this.#shared.settled();
  }

  /** kafkajs dropped a batch of markers or aborted records and continues at `next`. */
  async skip(next: number): Promise<void> {
    await this.#work;
    const { handler, owning, ranges } = this.#shared;
    const position = this.#position;
    if (position === null || next <= position) return;
    const range = (await ranges()).get(this.#partition);
    if (owning.aborted || this.#position !== position) return;
    // If the log now starts after the position, kafkajs jumped over deleted records: take() or the next check reports it.
    if (!range || range.low > position) return;
    this.#position = next;
    handler.advance(this.#partition, next);
    this.#shared.settled();
  }

  /** kafkajs fetched from the wrong offset: seeks back to the position, or asks the handler if the log changed. */
  async #recover(position: number): Promise<void> {
    const { handler, owning, ranges, wasOutOfRange, rejoin } = this.#shared;
    const range = (await ranges()).get(this.#partition);
    if (owning.aborted || this.#position !== position) return;
    const isInside = !range || (range.low <= position && position <= range.high);
    const next = isInside ? position : await handler.outOfRange(this.#partition, position, range);
    if (owning.aborted) return;
    // The log shrank and grew again: it may have other records by now.
    if (next === position && (wasOutOfRange || !isInside)) return rejoin();
    this.#seek(next);
  }

  #seek(position: number): void {
    const { consumer, topic } = this.#shared;
    this.#position = position;
    consumer.seek({ topic, partition: this.#partition, offset: String(position) });
  }
}

/** The offset after the last record of a batch, transaction markers included. */
function endOfBatch(batch: KafkaBatch): number {
  return Math.max(Number(batch.lastOffset()) + 1, endOf(batch.messages.at(-1) as Message));
}

/** Sends heartbeats while a handler runs, which kafkajs does not; `lost` rejects when the group rebalances. */
function keepAlive(heartbeat: () => Promise<void>) {
  const { promise: lost, reject } = Promise.withResolvers<never>();
  // It may reject while no caller awaits it.
  lost.catch(() => {});
  const timer = setInterval(() => heartbeat().catch(reject), HEARTBEAT_MS);
  return { lost, end: () => clearInterval(timer) };
}
