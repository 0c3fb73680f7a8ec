import { CompressionTypes, type Kafka, type Producer } from "kafkajs";
import type { Draw } from "../fakes/random.ts";

interface Record {
  key: string | null;
  value: string | null;
}

/** Sends records to a topic and remembers those that were acknowledged. */
export class Feed {
  readonly acked: string[] = [];
  /** Records of each kind that were acknowledged. */
  readonly made = { rows: 0, rejects: 0, tombstones: 0 };
  readonly #kafka: Kafka;
  readonly #topic: string;
  readonly #draw: Draw;
  #producer: Producer | null = null;
  #count = 0;
  #streaming: Promise<void> | null = null;
  #stopping = false;

  constructor(kafka: Kafka, topic: string, draw: Draw) {
    this.#kafka = kafka;
    this.#topic = topic;
    this.#draw = draw;
  }

  /** Sends `count` records, one batch at a time, each to a random partition. */
  async send(
    count: number,
    { partitions, batch = 500, make = (k) => this.make(k), key = () => null, gzip = false }: {
      partitions: number;
      batch?: number;
      make?: (k: number) => string | null;
      key?: (k: number) => string | null;
      gzip?: boolean;
    },
  ): Promise<void> {
    for (let left = count; left > 0; left -= batch) {
      const records = Array.from({ length: Math.min(batch, left) }, () => {
        const k = this.#count++;
        return { key: key(k), value: make(k) };
      });
      await this.#put(this.#draw(partitions), records, gzip);
    }
  }

  /** Sends about `perSecond` records a second until stop(). */
  stream(perSecond: number, { partitions }: { partitions: number | (() => number) }): void {
    const batch = Math.max(Math.round(perSecond / 20), 1);
    this.#stopping = false;
    this.#streaming = (async () => {
      const began = performance.now();
      for (let sent = 0; !this.#stopping; sent += batch) {
        const now = typeof partitions === "number" ? partitions : partitions();
        await this.send(batch, { partitions: now, batch });
        const waitMs = began + sent / perSecond * 1000 - performance.now();
        if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    })();
  }

  /** Ends the stream. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#streaming;
    this.#streaming = null;
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#producer?.disconnect();
  }

  /** A unique record: mostly valid, sometimes invalid, sometimes a tombstone. */
  make(k: number): string | null {
    const luck = this.#draw(200);
    if (luck === 0) return null;
    if (luck <= 2) return `{"userID":"${k}","timestamp":1.5}`;
    const [latitude, longitude] = [
      this.#draw(180_000) / 1000 - 90,
      this.#draw(360_000) / 1000 - 180,
    ];
    return `{"userID":${k % 97},"timestamp":${
      1_700_000_000 + k
    }.25,"coordinates":[${latitude},${longitude}]}`;
  }

  async #put(partition: number, records: Record[], gzip: boolean): Promise<void> {
    try {
      if (!this.#producer) {
        const producer = this.#kafka.producer({
          idempotent: true,
          allowAutoTopicCreation: false,
          retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 100 },
        });
        await producer.connect();
        this.#producer = producer;
      }
      const answers = await this.#producer.send({
        topic: this.#topic,
        acks: -1,
        compression: gzip ? CompressionTypes.GZIP : CompressionTypes.None,
        messages: records.map((record) => ({ ...record, partition })),
      });
      // kafkajs silently drops records for a partition that it does not know yet.
      if (!answers.some((answer) => answer.partition === partition)) throw new Error("not sent");
    } catch {
      // The outcome is unknown. A new producer begins with new sequence numbers.
      await this.#producer?.disconnect().catch(() => {});
      this.#producer = null;
      return;
    }
    for (const { value } of records) {
      if (value !== null) this.acked.push(value);
      this.made[
        value === null ? "tombstones" : value.includes('"coordinates"') ? "rows" : "rejects"
      ]++;
    }
  }
}
