import type { Buffer } from "node:buffer";
import type { Damage, Message } from "../../record/validate.ts";
import { Cursor } from "./cursor.ts";

/** The batch header fields that a record needs; the format is at kafka.apache.org/documentation/#recordbatch. */
export interface BatchHeader {
  firstOffset: number;
  lastOffset: number;
  /** Milliseconds since 1970. */
  firstTimestamp: bigint;
  /** The time of every record, if the topic uses the broker's clock; else null. */
  appendedAt: bigint | null;
  producerId: string;
  /** Grows with each election of a leader of the partition. */
  leaderEpoch: number;
  inTransaction: boolean;
  isControlBatch: boolean;
}

/** How much of a record or batch is kept when the whole cannot be. */
export const KEPT_BYTES = 65_536;

/** A record in the form of kafkajs. */
export interface KafkaRecord extends Message {
  batchContext: BatchHeader;
  /** The record is a transaction marker, or stands for offsets without a record: kafkajs skips it. */
  isControlRecord: boolean;
}

/** Decodes its fields on access: most are read once or never. */
export class FetchedRecord implements KafkaRecord {
  readonly #bytes: Buffer;
  readonly #offset: number;
  readonly #timestampDelta: number | bigint;
  /** Where key, value and headers begin. */
  readonly #at: number;
  readonly batchContext: BatchHeader;
  /** Total bytes of the record. */
  readonly size: number;

  constructor(
    bytes: Buffer,
    batch: BatchHeader,
    offset: number,
    timestampDelta: number | bigint,
    at: number,
    size: number,
  ) {
    this.#bytes = bytes;
    this.#offset = offset;
    this.#timestampDelta = timestampDelta;
    this.#at = at;
    this.batchContext = batch;
    this.size = size;
  }

  get offset(): string {
    return String(this.#offset);
  }

  get timestamp(): string {
    return timeOf(this.batchContext, this.#timestampDelta);
  }

  get key(): Buffer | null {
    return new Cursor(this.#bytes, this.#at).field();
  }

  get value(): Buffer | null {
    const cursor = new Cursor(this.#bytes, this.#at);
    cursor.skip();
    return cursor.field();
  }

  /** In order; names may repeat. */
  get headers(): { key: string; value: Buffer | null }[] {
    const cursor = new Cursor(this.#bytes, this.#at);
    cursor.skip();
    cursor.skip();
    return decodeHeaders(cursor);
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }
}

/** Decodes header names; invalid UTF-8 is replaced. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Headers in order; their number comes first. */
export function decodeHeaders(cursor: Cursor): { key: string; value: Buffer | null }[] {
  return Array.from({ length: cursor.varint() }, () => ({
    key: decoder.decode(cursor.field() ?? undefined),
    value: cursor.field(),
  }));
}

/** The time of a record, as decimal text. */
export function timeOf(
  { appendedAt, firstTimestamp }: BatchHeader,
  delta: number | bigint,
): string {
  return String(appendedAt ?? firstTimestamp + BigInt(delta));
}

/** Stands for offsets of `batch` that cannot be read, or only in part; `parts` are what could be read. */
export function damagedRecord(
  batch: BatchHeader,
  offset: number,
  damage: Damage,
  parts: Partial<Pick<Message, "timestamp" | "key" | "value" | "headers">> = {},
): KafkaRecord {
  return {
    offset: String(offset),
    timestamp: "-1",
    key: null,
    value: null,
    headers: [],
    size: parts.value?.length ?? 0,
    ...parts,
    damage,
    batchContext: batch,
    isControlRecord: false,
  };
}

/** Stands for the end of a batch whose last records were compacted away: kafkajs skips it and reads on behind it. */
export function gap(batch: BatchHeader): KafkaRecord {
  return {
    offset: String(batch.lastOffset),
    timestamp: "-1",
    key: null,
    value: null,
    headers: [],
    size: 0,
    batchContext: { ...batch, inTransaction: false },
    isControlRecord: true,
  };
}
