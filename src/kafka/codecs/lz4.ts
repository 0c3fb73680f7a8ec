/**
 * Unpacks an LZ4 frame (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md), the form that Kafka uses; checksums
 * are skipped, since the broker has checked the batch. Throws a RangeError for broken input or more than `max` bytes.
 */
export function unpackLz4(input: Uint8Array, max: number): Uint8Array {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  if (view.getUint32(0, true) !== 0x184D2204) throw new RangeError("LZ4: no frame begins here");
  const flags = view.getUint8(4);
  const output = new Growing(max);
  // Magic, flags, block size, [content size], [dictionary id], header checksum.
  let at = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  while (true) {
    const size = view.getUint32(at, true);
    at += 4;
    if (size === 0) return output.bytes();
    const block = input.subarray(at, at += size & 0x7fffffff);
    if (size & 0x80000000) output.append(block, 0, block.length);
    else unpackBlock(block, output);
    if (flags & 0x10) at += 4;
  }
}

/** Decodes sequences of literals and matches; a match may refer to an earlier block. */
function unpackBlock(block: Uint8Array, output: Growing): void {
  let at = 0;
  const byte = (): number => {
    if (at >= block.length) throw new RangeError("LZ4: a block ends too early");
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
    output.repeat(distance, length(token & 15) + 4);
  }
}

/** Bytes that grow as they are written, up to a limit; LZ4 and Snappy both copy from what was written before. */
export class Growing {
  readonly #max: number;
  #buffer = new Uint8Array(65_536);
  #length = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Copies `count` bytes of `from`, beginning at `start`. */
  append(from: Uint8Array, start: number, count: number): void {
    if (start + count > from.length) throw new RangeError("packed data ends too early");
    this.#reserve(count);
    this.#buffer.set(from.subarray(start, start + count), this.#length);
    this.#length += count;
  }

  /** Copies `count` bytes written `distance` bytes ago; they may overlap with their own copy. */
  repeat(distance: number, count: number): void {
    if (distance === 0 || distance > this.#length) {
      throw new RangeError("packed data refers before its start");
    }
    this.#reserve(count);
    const buffer = this.#buffer;
    for (let i = 0; i < count; i++, this.#length++) {
      buffer[this.#length] = buffer[this.#length - distance]!;
    }
  }

  /** What was written. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed > this.#max) throw new RangeError(`packed data is larger than ${this.#max} bytes`);
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.min(Math.max(needed, 2 * this.#buffer.length), this.#max));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}
