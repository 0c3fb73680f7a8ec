import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { crc32c } from "./crc32c.ts";
import type { BatchHeader } from "./record.ts";

/** One record batch as the broker sent it. */
export interface PackedBatch extends BatchHeader {
  /** The number of its codec; 0 is none. */
  codec: number;
  count: number;
  /** The records, as packed by the codec. */
  body: Buffer;
  /** All bytes of the batch. */
  bytes: Buffer;
  /** Why it cannot be read; null if nothing is known against it yet. */
  fault: string | null;
}

/** A message of the formats before Kafka 0.11, which a topic may still contain; it may wrap a compressed set. */
export interface OldMessage {
  old: Buffer;
  /** Its offset; that of the last message in a set. */
  lastOffset: number;
  fault: string | null;
}

const HEADER_BYTES = 61;
const SIZE_AT = 8;
const MAGIC_AT = 16;
/** The newest format, of Kafka 0.11 and later. */
const FORMAT = 2;
const OLD_HEADER_BYTES = 26;
const OLD_CRC_AT = 12;
const CRC_AT = 17;
/** The checksum covers the bytes from here on. */
const ATTRIBUTES_AT = 21;

const CODEC = 0x7;
const APPEND_TIME = 0x8;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

/**
 * The batches of a partition in a fetch response (kafka.apache.org/documentation/#recordbatch); the broker may cut off
 * the last one, which is left to the next fetch.
 */
export function* splitBatches(bytes: Buffer): Generator<PackedBatch | OldMessage> {
  for (let at = 0; at + MAGIC_AT < bytes.length;) {
    const end = at + SIZE_AT + 4 + bytes.readInt32BE(at + SIZE_AT);
    const isOld = bytes[at + MAGIC_AT]! < FORMAT;
    const isTooShort = end < at + (isOld ? OLD_HEADER_BYTES : HEADER_BYTES);
    // The broker cuts off the last batch, but never the first.
    if (isTooShort || (at === 0 && end > bytes.length)) {
      return yield { ...unframed(bytes.subarray(at)), fault: "its size is wrong" };
    }
    if (end > bytes.length) return;
    const batch = bytes.subarray(at, end);
    yield isOld ? readOldHeader(batch) : readHeader(batch);
    at = end;
  }
}

function readOldHeader(old: Buffer): OldMessage {
  const isWhole = crc32(old.subarray(MAGIC_AT)) === old.readUInt32BE(OLD_CRC_AT);
  const lastOffset = Number(old.readBigInt64BE(0));
  return { old, lastOffset, fault: isWhole ? null : "its checksum is wrong" };
}

function readHeader(bytes: Buffer): PackedBatch {
  const attributes = bytes.readInt16BE(ATTRIBUTES_AT);
  const firstOffset = Number(bytes.readBigInt64BE(0));
  const isWhole = crc32c(bytes, ATTRIBUTES_AT) === bytes.readUInt32BE(CRC_AT);
  const isKnown = bytes[MAGIC_AT] === FORMAT;
  return {
    firstOffset,
    lastOffset: firstOffset + Math.max(bytes.readInt32BE(23), 0),
    firstTimestamp: bytes.readBigInt64BE(27),
    appendedAt: attributes & APPEND_TIME ? bytes.readBigInt64BE(35) : null,
    producerId: String(bytes.readBigInt64BE(43)),
    leaderEpoch: bytes.readInt32BE(12),
    // A damaged batch is shown, even if damage made it look like a part of an aborted transaction.
    inTransaction: isWhole && (attributes & TRANSACTIONAL) > 0,
    isControlBatch: isWhole && (attributes & CONTROL) > 0,
    codec: attributes & CODEC,
    count: bytes.readInt32BE(57),
    body: bytes.subarray(HEADER_BYTES),
    bytes,
    fault: !isKnown ? "its format is unknown" : isWhole ? null : "its checksum is wrong",
  };
}

/** A batch of a wrong size: where the next one begins is unknown. */
function unframed(bytes: Buffer): PackedBatch {
  const whole = Buffer.alloc(Math.max(bytes.length, HEADER_BYTES));
  whole.set(bytes);
  return { ...readHeader(whole), inTransaction: false, isControlBatch: false, bytes };
}
