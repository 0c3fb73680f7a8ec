import { Buffer } from "node:buffer";
import { SIZE_MAX } from "../../record/validate.ts";
import { Cursor } from "./cursor.ts";
import { append, type LargeRecord, newLarge } from "./large_record.ts";
import {
  damagedRecord,
  decodeHeaders,
  FetchedRecord,
  gap,
  type KafkaRecord,
  KEPT_BYTES,
  timeOf,
} from "./record.ts";
import type { PackedBatch } from "./split.ts";
import { formatMany } from "../../units.ts";

/** Key and headers of the largest valid size take a little more, because of their lengths. */
const AROUND_MAX = 16_384;
/** A record larger than this is never in memory as a whole: a value and headers of the largest valid size still fit. */
export const RECORD_MAX = 2 * SIZE_MAX + AROUND_MAX;
const HEADERS_MAX = 1_000;
/** A record is an object too, even if it is empty. */
const OBJECT_BYTES = 128;
/** A larger record comes in pieces, is put together, and is text while it is validated. */
const PIECES_FROM = 65_536;

/** The memory that a record of so many bytes takes until it is stored. */
export function memoryFor(size: number): number {
  return OBJECT_BYTES + (size > PIECES_FROM ? 3 * size : size);
}

/** Length, attributes, time, offset, key, value and headers take a byte each at least. */
const RECORD_MIN = 7;

/** Which records to append, and where. */
interface Limits {
  /** Records at lower offsets are left out. */
  from: number;
  /** No record of the batch lies behind this offset. */
  recordsTo: number;
  bytesMax: number;
}

/** Cuts the unpacked bytes of a batch into records, piece by piece. */
export class RecordDecoder {
  #batch!: PackedBatch;
  #limits!: Limits;
  #into!: KafkaRecord[];
  /** How many records were decoded, including those before `from`. */
  #seen = 0;
  /** The first offset that the records so far do not account for. */
  next = -1;
  /** What is not decoded yet, and how many bytes the next record needs at least. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #wanted = 1;
  #large: LargeRecord | null = null;
  /** Memory for the records that were appended to `into`. */
  bytes = 0;

  /** Begins with a batch, or goes on with it; `lastOffset` of the batch is the end of damage and gaps. */
  begin(batch: PackedBatch, limits: Limits, into: KafkaRecord[]): void {
    this.#batch = batch;
    this.#limits = limits;
    this.#into = into;
    this.bytes = 0;
    if (this.next < 0) this.next = batch.firstOffset;
  }

  /** Takes the next piece, which `decode()` then decodes. */
  append(piece: Buffer): void {
    this.#rest.push(piece);
    this.#restBytes += piece.length;
  }

  /** Decodes the whole records so far; "enough": the records reached their limit. */
  decode(): "more" | "enough" {
    if (this.#restBytes < this.#wanted) return "more";
    const bytes = this.#rest.length > 1 ? Buffer.concat(this.#rest) : this.#rest[0]!;
    const cursor = new Cursor(bytes);
    this.#wanted = 1;
    const isEnough = this.#decodeAll(cursor);
    this.#restBytes = bytes.length - cursor.at;
    this.#rest = this.#restBytes > 0 ? [bytes.subarray(cursor.at)] : [];
    return isEnough ? "enough" : "more";
  }

  /** Whether the records reached their limit. */
  #decodeAll(cursor: Cursor): boolean {
    while (this.#seen < this.#batch.count) {
      if (this.bytes > this.#limits.bytesMax && this.#into.length > 0) return true;
      if (this.#large) {
        if (!this.#receive(this.#large, cursor)) break;
        continue;
      }
      const start = cursor.at;
      const size = cursor.varintIfWhole();
      if (size === null || (size <= RECORD_MAX && cursor.at + size > cursor.bytes.length)) {
        this.#wanted = size === null ? 1 : cursor.at - start + size;
        cursor.at = start;
        break;
      }
      if (size < RECORD_MIN - 1) throw new RangeError(`a record of ${size} bytes is too small`);
      if (size > RECORD_MAX) {
        this.#large = newLarge(size);
      } else {
        this.#decodeOne(cursor, size);
      }
    }
    return false;
  }

  /** The batch is over: all its records must have come. */
  end(): void {
    if (this.#seen < Math.max(this.#batch.count, 0)) {
      throw new RangeError(
        `it ends after ${this.#seen} of ${formatMany(this.#batch.count, "record")}`,
      );
    }
    if (this.next <= this.#batch.lastOffset) this.#into.push(gap(this.#batch));
  }

  /** The rest of the batch cannot be read. */
  abandon({ message }: Error): void {
    const { bytes } = this.#batch;
    const value = bytes.subarray(0, KEPT_BYTES);
    const first = Math.max(this.next, this.#limits.from);
    const lastOffset = Math.max(this.#batch.lastOffset, first);
    const reason = `cannot read offsets ${first} to ${lastOffset}: ${message}`;
    this.#into.push(
      damagedRecord(this.#batch, first, { code: "unreadable", reason, lastOffset }, { value }),
    );
    this.bytes += value.length;
  }

  #decodeOne(cursor: Cursor, size: number): void {
    const { bytes, at: start } = cursor;
    const end = start + size;
    // The attributes byte is unused.
    cursor.at++;
    const timestampDelta = cursor.varlong();
    const offset = this.#inOrder(cursor.varint());
    const at = cursor.at;
    cursor.skip();
    const valueBytes = cursor.skip();
    const hasFewHeaders = checkHeaders(cursor, end);
    cursor.at = end;
    if (offset >= this.#limits.from) {
      const isSmall = valueBytes <= SIZE_MAX && size - valueBytes <= SIZE_MAX + AROUND_MAX;
      if (hasFewHeaders && isSmall) {
        this.#into.push(new FetchedRecord(bytes, this.#batch, offset, timestampDelta, at, size));
        this.bytes += memoryFor(size);
      } else {
        const large = newLarge(size);
        append(large, bytes.subarray(start, end));
        this.#pushLarge(large);
      }
    }
    this.#account(offset);
  }

  /** The offset of the next record: offsets grow within a batch, to its last one at most. */
  #inOrder(delta: number): number {
    const offset = this.#batch.firstOffset + delta;
    if (offset < this.next || offset > this.#limits.recordsTo) {
      throw new RangeError(`offset ${offset} is out of order`);
    }
    return offset;
  }

  /** The record at `offset` is appended or not wanted. */
  #account(offset: number): void {
    this.#seen++;
    this.next = offset + 1;
  }

  /** Takes what `cursor` still has of a large record; false: more is missing. */
  #receive(large: LargeRecord, cursor: Cursor): boolean {
    const part = cursor.bytes.subarray(cursor.at, cursor.at + large.missing);
    append(large, part);
    cursor.at += part.length;
    if (large.missing > 0) return false;
    this.#large = null;
    const head = new Cursor(large.head, 1);
    head.varlong();
    const offset = this.#inOrder(head.varint());
    if (offset >= this.#limits.from) this.#pushLarge(large);
    this.#account(offset);
    return true;
  }

  /** Appends what is kept of a record that is too large. */
  #pushLarge({ size, hash, head, tail }: LargeRecord): void {
    const cursor = new Cursor(head, 1);
    const timestamp = timeOf(this.#batch, cursor.varlong());
    const offset = this.#batch.firstOffset + cursor.varint();
    const key = cursor.field();
    const valueBytes = cursor.at < head.length ? cursor.varint() : 0;
    const value = valueBytes < 0 ? null : head.subarray(cursor.at, cursor.at + valueBytes);
    const headersAt = cursor.at + Math.max(valueBytes, 0);
    const headers = readHeaders(tail, headersAt - (size - tail.length));
    const found = `; SHA-256 of its ${size} bytes: ${hash.digest("hex")}`;
    const reason = valueBytes > SIZE_MAX
      ? `expected at most ${SIZE_MAX} bytes, found ${valueBytes}`
      : `expected at most ${SIZE_MAX} bytes of key and headers, and ${HEADERS_MAX} headers, found more`;
    const damage = { code: "size" as const, reason: reason + found, lastOffset: offset };
    const parts = { timestamp, key, value, headers: headers ?? [] };
    this.#into.push(damagedRecord(this.#batch, offset, damage, parts));
    this.bytes += head.length + tail.length;
  }
}

/** The headers at the end of a record; null if they are too many or not all of them are in `tail`. */
function readHeaders(tail: Buffer, at: number): KafkaRecord["headers"] | null {
  if (at < 0 || !checkHeaders(new Cursor(tail, at), tail.length)) return null;
  return decodeHeaders(new Cursor(tail, at));
}

/** Whether there are not too many headers; throws a RangeError if the record does not end where it says. */
function checkHeaders(cursor: Cursor, end: number): boolean {
  const count = cursor.varint();
  if (count === 0 && cursor.at === end) return true;
  if (count < 0 || cursor.at > end) throw new RangeError("a record does not fit its size");
  if (count > HEADERS_MAX || end - cursor.at > SIZE_MAX + AROUND_MAX) return false;
  for (let i = 0; i < count; i++) {
    cursor.skip();
    cursor.skip();
  }
  if (cursor.at !== end) throw new RangeError("a record does not fit its size");
  return true;
}
