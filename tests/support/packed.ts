import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";

const text = (name: string) => Buffer.from(name);

/** A number as LZ4 and zstd write it. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** A frame that decoders skip; zstd and LZ4 have the same. */
const skippable = Buffer.concat([uint32(0x184d2a53), uint32(5), text("notes")]);

/** An LZ4 frame of one stored block. */
function lz4Frame(content: Uint8Array): Buffer {
  return Buffer.concat([
    uint32(0x184d2204),
    Buffer.of(0x60, 0x40, 0x82),
    uint32((content.length | 0x80000000) >>> 0),
    content,
    uint32(0),
  ]);
}

/** The Snappy of snappy-java: a head, then blocks with their sizes. A literal of up to 60 bytes is a block. */
function xerial(content: Uint8Array): Buffer {
  const blocks = pieces(content, 60).map((piece) => {
    const block = Buffer.concat([Buffer.of(piece.length, (piece.length - 1) << 2), piece]);
    const size = Buffer.alloc(4);
    size.writeInt32BE(block.length);
    return Buffer.concat([size, block]);
  });
  return Buffer.concat([Buffer.of(0x82), text("SNAPPY\0"), Buffer.alloc(8), ...blocks]);
}

function pieces(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, i) => bytes.subarray(i * size, (i + 1) * size),
  );
}

function inHalves(bytes: Uint8Array, pack: (half: Uint8Array) => Buffer): Buffer {
  return Buffer.concat(pieces(bytes, Math.ceil(bytes.length / 2)).map(pack));
}

/** Unusual forms of packed data that decoders accept: name, codec as Kafka numbers it, and how to pack. */
export const forms: [name: string, codec: 1 | 2 | 3 | 4, pack: (bytes: Uint8Array) => Buffer][] = [
  ["two gzip members", 1, (bytes) => inHalves(bytes, gzipSync)],
  ["snappy-java's blocks", 2, xerial],
  ["two snappy-java streams", 2, (bytes) => inHalves(bytes, xerial)],
  ["an LZ4 frame", 3, lz4Frame],
  ["two LZ4 frames", 3, (bytes) => inHalves(bytes, lz4Frame)],
  ["LZ4 behind a skippable frame", 3, (bytes) => Buffer.concat([skippable, lz4Frame(bytes)])],
  ["LZ4 with bytes behind its frame", 3, (bytes) => Buffer.concat([lz4Frame(bytes), text("rest")])],
  ["two zstd frames", 4, (bytes) => inHalves(bytes, zstdCompressSync)],
  [
    "zstd behind a skippable frame",
    4,
    (bytes) => Buffer.concat([skippable, zstdCompressSync(bytes)]),
  ],
  [
    "zstd behind an empty frame",
    4,
    (bytes) => Buffer.concat([zstdCompressSync(text("")), zstdCompressSync(bytes)]),
  ],
];
