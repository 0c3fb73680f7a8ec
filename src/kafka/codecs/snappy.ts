import { Window } from "./window.ts";

const XERIAL = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00];
/** The magic bytes, then version and oldest compatible version, four bytes each. */
const XERIAL_BYTES = 16;

/**
 * Unpacks Snappy (https://github.com/google/snappy/blob/main/format_description.txt), bare or in the blocks of the
 * snappy-java library, which the Java client writes, in pieces. Throws a RangeError for broken input.
 */
export function* unpackSnappy(input: Uint8Array): Generator<Uint8Array> {
  const output = new Window();
  if (!startsXerial(input, 0)) {
    yield* unpackBlock(input, output);
    return yield output.last();
  }
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  for (let at = XERIAL_BYTES; at < input.length;) {
    // Streams may follow each other, each with its own head.
    if (startsXerial(input, at)) {
      at += XERIAL_BYTES;
      continue;
    }
    const size = view.getUint32(at);
    at += 4;
    if (at + size > input.length) throw new RangeError("a block ends too early");
    yield* unpackBlock(input.subarray(at, at += size), output);
    if (output.isFull) yield output.take();
  }
  yield output.last();
}

function startsXerial(input: Uint8Array, at: number): boolean {
  return XERIAL.every((byte, i) => input[at + i] === byte);
}

function* unpackBlock(block: Uint8Array, output: Window): Generator<Uint8Array> {
  let at = 0;
  const number = (bytes: number): number => {
    if (at + bytes > block.length) throw new RangeError("a block ends too early");
    let value = 0;
    for (let i = 0; i < bytes; i++) value += block[at++]! * 2 ** (8 * i);
    return value;
  };
  // Skips the decompressed length, seven bits per byte.
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
    if (output.isFull) yield output.take();
  }
}
