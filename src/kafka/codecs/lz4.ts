import { Window } from "./window.ts";

const MAGIC = 0x184d2204;
/** The sixteen magic numbers of skippable frames differ in the lowest four bits. */
const SKIPPABLE = 0x184d2a50;
const MATCH_PART = 65_536;

/**
 * Unpacks LZ4 frames (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), the form that Kafka uses, in pieces;
 * checksums are skipped, since the batch has its own. Throws a RangeError for broken input.
 */
export function* unpackLz4(input: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const output = new Window();
  for (let at = 0; at < input.length;) {
    const magic = view.getUint32(at, true);
    if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE) {
      at += 8 + view.getUint32(at + 4, true);
    } else if (magic === MAGIC) {
      at = yield* unpackFrame(input, at, output);
    } else {
      // The Java client reads one frame, and ignores what comes after it.
      if (at === 0) throw new RangeError("no frame begins here");
      break;
    }
  }
  yield output.last();
}

/** Returns where the frame ends. */
function* unpackFrame(
  input: Uint8Array,
  start: number,
  output: Window,
): Generator<Uint8Array, number> {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  const flags = view.getUint8(start + 4);
  // Magic, flags, block size, [content size], [dictionary id], header checksum.
  let at = start + 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  while (true) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) return at + (flags & 0x04 ? 4 : 0);
    const block = input.subarray(at, at += size & 0x7fffffff);
    if (at > input.length) throw new RangeError("a block ends too early");
    if (size & 0x80000000) output.append(block, 0, block.length);
    else yield* unpackBlock(block, output);
    if (output.isFull) yield output.take();
    if (flags & 0x10) at += 4;
  }
}

/** Decodes sequences of literals and matches; a match may refer to an earlier block. */
function* unpackBlock(block: Uint8Array, output: Window): Generator<Uint8Array> {
  let at = 0;
  const byte = (): number => {
    if (at >= block.length) throw new RangeError("a block ends too early");
    return block[at++]!;
  };
  const length = (nibble: number): number => {
    let sum = nibble;
    if (nibble < 15) return sum;
    for (let more = 255; more === 255;) sum += more = byte();
    return sum;
  };
  while (at < block.length) {
    const token = byte();
    const literals = length(token >> 4);
    output.append(block, at, literals);
    at += literals;
    // The last sequence has no match.
    if (at === block.length) return;
    const distance = byte() | byte() << 8;
    // A few bytes can ask for hundreds of megabytes.
    for (let left = length(token & 15) + 4; left > 0; left -= MATCH_PART) {
      output.repeat(distance, Math.min(left, MATCH_PART));
      if (output.isFull) yield output.take();
    }
  }
}
