import { CompressionCodecs } from "kafkajs";
import { Buffer } from "node:buffer";
// Modules of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import KafkaDecoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";
// deno-lint-ignore no-import-prefix
import fetchResponse from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/v11/response.js";

/** The part of kafkajs's reader of the protocol that is used here. */
interface Reader {
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(): Buffer | null;
  readArray<T>(read: (reader: Reader) => T): T[];
  readArrayAsync<T>(read: (reader: Reader) => Promise<T>): Promise<T[]>;
}

type Decode = (response: Buffer) => Promise<object>;

const theirs = (fetchResponse as { decode: Decode }).decode;

/**
 * Has kafkajs read records at a third of its cost: it makes a dozen objects of each, most of them big integers, and the
 * garbage is most of the work of consuming. Answers of brokers older than Kafka 2.3 it goes on to read itself.
 */
export function decodeQuickly(): void {
  (fetchResponse as { decode: Decode }).decode = decodeFetch;
}

/** An answer to a fetch of version 11 (kafka.apache.org/protocol#The_Messages_Fetch) as kafkajs has it. */
export async function decodeFetch(response: Buffer): Promise<object> {
  try {
    const reader = new (KafkaDecoder as unknown as new (bytes: Buffer) => Reader)(response);
    return {
      // The broker has waited already if it had to.
      throttleTime: 0,
      clientSideThrottleTime: reader.readInt32(),
      errorCode: reader.readInt16(),
      sessionId: reader.readInt32(),
      responses: await reader.readArrayAsync(decodeTopic),
    };
  } catch (error) {
    if (error instanceof OldFormat) return await theirs(response);
    throw error;
  }
}

async function decodeTopic(reader: Reader) {
  return {
    topicName: reader.readString(),
    partitions: await reader.readArrayAsync(decodePartition),
  };
}

async function decodePartition(reader: Reader) {
  return {
    partition: reader.readInt32(),
    errorCode: reader.readInt16(),
    highWatermark: String(reader.readInt64()),
    lastStableOffset: String(reader.readInt64()),
    lastStartOffset: String(reader.readInt64()),
    abortedTransactions: reader.readArray(() => ({
      producerId: String(reader.readInt64()),
      firstOffset: String(reader.readInt64()),
    })),
    preferredReadReplica: reader.readInt32(),
    messages: withQuickFilter(await decodeBatches(reader.readBytes() ?? Buffer.alloc(0))),
  };
}

/** Records of before Kafka 0.11, as a topic may still hold them. */
class OldFormat extends Error {}

/** The batch that a record came in, as far as kafkajs asks; its format is at kafka.apache.org/documentation/#recordbatch. */
interface Batch {
  firstOffset: number;
  /** Milliseconds since 1970. */
  firstTimestamp: bigint;
  /** Where it is the broker's clock that counts, the time of every record. */
  appendedAt: bigint | null;
  producerId: string;
  inTransaction: boolean;
  isControlBatch: boolean;
}

/** By number; 0, for what is not packed, has none. */
const codecs = CompressionCodecs as Record<number, Codec | undefined>;
type Codec = () => { decompress(bytes: Buffer): Promise<Buffer> };

const HEADER_BYTES = 61;
const CODEC = 0x7;
const APPEND_TIME = 0x8;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

async function decodeBatches(bytes: Buffer): Promise<FetchedRecord[]> {
  const records: FetchedRecord[] = [];
  for (let at = 0; at + 17 <= bytes.length;) {
    if (bytes[at + 16] !== 2) throw new OldFormat();
    const end = at + 12 + bytes.readInt32BE(at + 8);
    // It would be read for ever, or from the middle.
    if (end < at + HEADER_BYTES) throw new RangeError("Cannot read a batch: it ends in its head");
    // The last batch may be cut off.
    if (end > bytes.length) break;
    const attributes = bytes.readInt16BE(at + 21);
    const batch: Batch = {
      firstOffset: Number(bytes.readBigInt64BE(at)),
      firstTimestamp: bytes.readBigInt64BE(at + 27),
      appendedAt: attributes & APPEND_TIME ? bytes.readBigInt64BE(at + 35) : null,
      producerId: String(bytes.readBigInt64BE(at + 43)),
      inTransaction: (attributes & TRANSACTIONAL) > 0,
      isControlBatch: (attributes & CONTROL) > 0,
    };
    const count = bytes.readInt32BE(at + 57);
    const packed = bytes.subarray(at + HEADER_BYTES, end);
    const codec = codecs[attributes & CODEC];
    const plain = codec && count > 0 ? await codec().decompress(packed) : packed;
    decodeRecords(plain, count, batch, records);
    at = end;
  }
  return records;
}

function decodeRecords(
  bytes: Buffer,
  count: number,
  batch: Batch,
  into: FetchedRecord[],
): void {
  const cursor = new Cursor(bytes);
  for (let i = 0; i < count; i++) {
    const size = cursor.varint();
    const end = cursor.at + size;
    // Attributes, of which there are none.
    cursor.at++;
    const timestampDelta = cursor.varlong();
    const offset = batch.firstOffset + cursor.varint();
    into.push(new FetchedRecord(bytes, batch, offset, timestampDelta, cursor.at, size));
    cursor.at = end;
  }
}

/** Answers like an object of kafkajs, out of bytes that stay where they are: most of it is asked once, or never. */
class FetchedRecord {
  readonly #bytes: Buffer;
  readonly #offset: number;
  readonly #timestampDelta: number | bigint;
  /** Where key, value and headers begin. */
  readonly #at: number;
  readonly batchContext: Batch;
  /** Bytes of the record, all in all. */
  readonly size: number;

  constructor(
    bytes: Buffer,
    batch: Batch,
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
    const { appendedAt, firstTimestamp } = this.batchContext;
    return String(appendedAt ?? firstTimestamp + BigInt(this.#timestampDelta));
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
    return Array.from({ length: Math.max(cursor.varint(), 0) }, () => ({
      key: decoder.decode(cursor.field() ?? undefined),
      value: cursor.field(),
    }));
  }

  get isControlRecord(): boolean {
    return this.batchContext.isControlBatch;
  }
}

/** Names of headers are text, whatever is in them. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** kafkajs looks for records below the offset it asked for, in order; only the first of a packed batch can be. */
function withQuickFilter(records: FetchedRecord[]): FetchedRecord[] {
  const filter = (isWanted: (record: FetchedRecord) => boolean) => {
    const first = records.findIndex(isWanted);
    return first === -1 ? [] : records.slice(first);
  };
  return Object.assign(records, { filter: filter as typeof records.filter });
}

/** Reads numbers in groups of seven bits, the lowest first, which alternate: 0, -1, 1, -2 … */
class Cursor {
  constructor(readonly bytes: Buffer, public at = 0) {}

  varint(): number {
    let rest = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.bytes[this.at++]!;
      rest |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (rest >>> 1) ^ -(rest & 1);
      if (shift === 28 || this.at > this.bytes.length) {
        throw new RangeError("Cannot read a record: a number has no end");
      }
    }
  }

  varlong(): number | bigint {
    const start = this.at;
    while (this.bytes[this.at]! >= 0x80) this.at++;
    this.at++;
    if (this.at - start <= 4) return new Cursor(this.bytes, start).varint();
    let rest = 0n;
    for (let at = this.at - 1; at >= start; at--) {
      rest = rest << 7n | BigInt(this.bytes[at]! & 0x7f);
    }
    return (rest >> 1n) ^ -(rest & 1n);
  }

  /** Steps over a field. */
  skip(): void {
    const size = this.varint();
    this.at += Math.max(size, 0);
  }

  /** A size, or -1 for nothing, and as many bytes. */
  field(): Buffer | null {
    const size = this.varint();
    if (size < 0) return null;
    return this.bytes.subarray(this.at, this.at += size);
  }
}
