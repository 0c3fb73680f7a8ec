import type { Consumer } from "kafkajs";

const EVERY_MS = 1_000;

/** Commits settled offsets for lag tools, at most once a second; they are never read back. */
export class OffsetCommits {
  readonly #consumer: Pick<Consumer, "commitOffsets">;
  readonly #topic: string;
  readonly #settled: () => Promise<Map<number, number>>;
  #committedAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `settled`: what to commit, by partition. */
  constructor(
    consumer: Pick<Consumer, "commitOffsets">,
    topic: string,
    settled: () => Promise<Map<number, number>>,
  ) {
    this.#consumer = consumer;
    this.#topic = topic;
    this.#settled = settled;
  }

  /** Commits now, or a second after the last time. */
  soon(): void {
    const waitMs = Math.max(this.#committedAt + EVERY_MS - performance.now(), 0);
    this.#timer ??= setTimeout(() => this.now(), waitMs);
  }

  /** Commits now; ignores a failure. */
  async now(): Promise<void> {
    this.stop();
    this.#committedAt = performance.now();
    try {
      const settled = [...await this.#settled()];
      const topic = this.#topic;
      const offsets = settled.map(([partition, offset]) => ({
        topic,
        partition,
        offset: String(offset),
      }));
      if (offsets.length > 0) await this.#consumer.commitOffsets(offsets);
    } catch {
      // They are only for lag tools.
    }
  }

  /** Commits nothing more by itself. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
