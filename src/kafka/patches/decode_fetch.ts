import { CompressionCodecs } from "kafkajs";
import { Buffer } from "node:buffer";
// Modules of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import KafkaDecoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";
// deno-lint-ignore no-import-prefix
import fetchResponse from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/v11/response.js";

/** The members of the kafkajs Decoder that are used here. */
interface ProtocolReader {
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(): Buffer | null;
  readArray<T>(read: (reader: ProtocolReader) => T): T[];
  readArrayAsync<T>(read: (reader: ProtocolReader) => Promise<T>): Promise<T[]>;
}

type Decode = (response: Buffer) => Promise<object>;

const decodeOfKafkajs = (fetchResponse as { decode: Decode }).decode;

/**
 * Replaces decode() of kafkajs src/protocol/requests/fetch/v11/response.js, at a third of its cost: kafkajs creates a
 * dozen objects per record, and garbage collection is most of the cost of consuming. kafkajs still decodes record
 * formats from before Kafka 0.11, and all fetches from brokers older than 2.3. Test: tests/kafka/patches/decode_fetch_test.ts.
 */
export function decodeQuickly(): void {
  (fetchResponse as { decode: Decode }).decode = decodeFetch;
}

/** An answer to a fetch of version 11 (kafka.apache.org/protocol#The_Messages_Fetch) in the form of kafkajs. */
export async function decodeFetch(response: Buffer): Promise<object> {
  try {
    const reader = new (KafkaDecoder as unknown as new (bytes: Buffer) => ProtocolReader)(response);
    return {
      // The broker has already applied the throttling itself.
      throttleTime: 0,
      clientSideThrottleTime: reader.readInt32(),
      errorCode: reader.readInt16(),
      sessionId: reader.readInt32(),
      responses: await reader.readArrayAsync(decodeTopic),
    };
  } catch (error) {
    if (error instanceof OldFormat) return await decodeOfKafkajs(response);
    throw error;
  }
}

async function decodeTopic(reader: ProtocolReader) {
  return {
    topicName: reader.readString(),
    partitions: await reader.readArrayAsync(decodePartition),
  };
}

async function decodePartition(reader: ProtocolReader) {
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

/** The record format before Kafka 0.11, which a topic may still contain. */
class OldFormat extends Error {}

/** The batch header fields that kafkajs reads; the format is at kafka.apache.org/documentation/#recordbatch. */
interface BatchHeader {
  firstOffset: number;
  /** Milliseconds since 1970. */
  firstTimestamp: bigint;
  /** The time of every record, if the topic uses the broker's clock; else null. */
  appendedAt: bigint | null;
  producerId: string;
  inTransaction: boolean;
  isControlBatch: boolean;
}

/** By number; 0 means not compressed and has no codec. */
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
    // Otherwise the loop would not end, or continue inside a record.
    if (end < at + HEADER_BYTES) throw new RangeError("Cannot read a batch: it ends in its head");
    // The last batch may be cut off.
    if (end > bytes.length) break;
    const attributes = bytes.readInt16BE(at + 21);
    const batch: BatchHeader = {
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
  batch: BatchHeader,
  into: FetchedRecord[],
): void {
  const cursor = new Cursor(bytes);
  for (let i = 0; i < count; i++) {
    const size = cursor.varint();
    const end = cursor.at + size;
    // The attributes byte is unused.
    cursor.at++;
    const timestampDelta = cursor.varlong();
    const offset = batch.firstOffset + cursor.varint();
    into.push(new FetchedRecord(bytes, batch, offset, timestampDelta, cursor.at, size));
    cursor.at = end;
  }
}

/** Has the fields of a kafkajs record, decoded on access: most are read once or never. */
class FetchedRecord {
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

/** Decodes header names; invalid UTF-8 is replaced. */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** kafkajs filters out records below the requested offset; they can only be at the start. */
function withQuickFilter(records: FetchedRecord[]): FetchedRecord[] {
  const filter = (isWanted: (record: FetchedRecord) => boolean) => {
    const first = records.findIndex(isWanted);
    return first === -1 ? [] : records.slice(first);
  };
  return Object.assign(records, { filter: filter as typeof records.filter });
}

/** Reads zigzag varints: groups of seven bits, the lowest first. */
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

  /** Skips a field. */
  skip(): void {
    const size = this.varint();
    this.at += Math.max(size, 0);
  }

  /** A size, or -1 for null, then that number of bytes. */
  field(): Buffer | null {
    const size = this.varint();
    if (size < 0) return null;
    return this.bytes.subarray(this.at, this.at += size);
  }
}
