import { Buffer } from "node:buffer";
import { unpack } from "../codecs/mod.ts";
import { decodeOldMessage } from "./old_message.ts";
import type { KafkaRecord } from "./record.ts";
import { RecordDecoder } from "./record_decoder.ts";
import { type PackedBatch, splitBatches } from "./split.ts";

/** Which records of a partition to decode. */
export interface DecodeOptions {
  /** Records at lower offsets are left out. */
  from: number;
  /** The end of the log, as the broker told it. */
  high: number;
  /** The records end after about this many bytes, with at least one; the next fetch brings the rest. */
  bytesMax: number;
}

/**
 * The records of one partition in a fetch response, in offset order. Never throws: what cannot be read is a record too,
 * with its damage.
 */
export async function decodeRecords(
  bytes: Buffer,
  options: DecodeOptions,
): Promise<KafkaRecord[]> {
  const into: KafkaRecord[] = [];
  let left = options.bytesMax;
  let expected = options.from;
  const batches = [...splitBatches(bytes)];
  for (const [i, batch] of batches.entries()) {
    if (left <= 0 && into.length > 0) break;
    // Damage may lie in the size of a batch, so the bytes behind it are not trusted: the next fetch has the right ones.
    if (batch.fault !== null && into.length > 0) break;
    if ("old" in batch) {
      into.push(...await decodeOldMessage(batch, options));
    } else {
      const next = batches[i + 1];
      const known = next && !("old" in next) && next.fault === null ? next : null;
      const lastOffset = trustedEnd(batch, known, options);
      // The broker looks at the end before it reads: a batch that follows the one before may lie behind that end.
      const follows = batch.fault === null && batch.firstOffset <= expected && known === null;
      const recordsTo = follows ? batch.lastOffset : lastOffset;
      expected = Math.max(expected, recordsTo + 1);
      if (recordsTo < options.from) continue;
      const limits = { ...options, bytesMax: left, recordsTo };
      left -= await decodeBatch({ ...batch, lastOffset }, limits, into);
    }
    if (batch.fault !== null) break;
  }
  return into;
}

/** The last offset of a batch, as far as it fits to what follows; a damaged batch has at least the wanted one. */
function trustedEnd(
  { fault, firstOffset, lastOffset, count }: PackedBatch,
  next: PackedBatch | null,
  { from, high }: DecodeOptions,
): number {
  const end = next && next.firstOffset > firstOffset ? next.firstOffset : high;
  const last = Math.min(lastOffset, end - 1);
  if (fault === null) return last;
  // Two fields that agree are hardly damaged. Otherwise one offset at a time takes no good record with it.
  const isTrusted = lastOffset - firstOffset + 1 === count;
  return isTrusted ? Math.max(last, from) : from;
}

/** A batch of which only the first records were wanted so far. */
interface Unfinished {
  bytes: Buffer;
  decoder: RecordDecoder;
  pieces: AsyncGenerator<Uint8Array>;
}

/** The latest ones: to unpack a batch of 120 MiB from its start for each of its records took minutes. */
const unfinished: Unfinished[] = [];
const UNFINISHED_MAX = 16;

/** Appends the records of one batch, up to the offset `recordsTo`; returns how many bytes they take. */
async function decodeBatch(
  batch: PackedBatch,
  limits: DecodeOptions & { recordsTo: number },
  into: KafkaRecord[],
): Promise<number> {
  const { decoder, pieces, bytes } = resume(batch, limits.from);
  decoder.begin(batch, limits, into);
  try {
    if (batch.fault !== null) throw new RangeError(batch.fault);
    while (batch.count > 0) {
      if (decoder.decode() === "enough") {
        unfinished.push({ bytes, decoder, pieces });
        if (unfinished.length > UNFINISHED_MAX) await unfinished.shift()!.pieces.return(undefined);
        return decoder.bytes;
      }
      const { done, value } = await pieces.next();
      if (done) break;
      decoder.append(asBuffer(value));
    }
    decoder.end();
  } catch (error) {
    await pieces.return(undefined);
    decoder.abandon(error as Error);
  }
  return decoder.bytes;
}

/** Takes up a batch where the last fetch left it, if its bytes are the same. */
function resume(batch: PackedBatch, from: number): Unfinished {
  const found = unfinished.findIndex(({ decoder, bytes }) =>
    decoder.next === from && bytes.equals(batch.bytes)
  );
  if (found >= 0) return unfinished.splice(found, 1)[0]!;
  const pieces = unpack(batch.codec, batch.body);
  return { bytes: batch.bytes, decoder: new RecordDecoder(), pieces };
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
