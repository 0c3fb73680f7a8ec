import { Growing } from "./lz4.ts";

const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];

/**
 * Unpacks Snappy (https://github.com/google/snappy/blob/main/format_description.txt), bare or in the blocks of the
 * snappy-java library, which the Java client writes. Throws a RangeError for broken input or more than `max` bytes.
 */
export function unpackSnappy(input: Uint8Array, max: number): Uint8Array {
  const output = new Growing(max);
  if (!XERIAL.every((byte, i) => input[i] === byte)) {
    unpackBlock(input, output);
    return output.bytes();
  }
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  // After the magic bytes: version and oldest compatible version, four bytes each.
  for (let at = 16; at < input.length;) {
    const size = view.getUint32(at);
    at += 4;
    if (at + size > input.length) throw new RangeError("Snappy: a block ends too early");
    unpackBlock(input.subarray(at, at += size), output);
  }
  return output.bytes();
}

function unpackBlock(block: Uint8Array, output: Growing): void {
  let at = 0;
  const number = (bytes: number): number => {
    if (at + bytes > block.length) throw new RangeError("Snappy: a block ends too early");
    let value = 0;
    for (let i = 0; i < bytes; i++) value += block[at++]! * 2 ** (8 * i);
    return value;
  };
  // Skips the decompressed length, seven bits per byte; the output limit is checked instead.
  while (number(1) & 0x80);
  while (at < block.length) {
    const tag = number(1);
    const upper = tag >> 2;
    switch (tag & 3) {
      case 0: {
        const count = 1 + (upper < 60 ? upper : number(upper - 59));
        output.append(block, at, count);
        at += count;
        break;
      }
      case 1:
        output.repeat((tag >> 5) * 256 + number(1), 4 + (upper & 7));
        break;
      case 2:
        output.repeat(number(2), 1 + upper);
        break;
      case 3:
        output.repeat(number(4), 1 + upper);
    }
  }
}
