import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { unpack } from "../../src/kafka/codecs/mod.ts";

const SNAPPY = 2;
const LZ4 = 3;

async function unpacked(codec: number, bytes: Uint8Array): Promise<string> {
  return Buffer.concat(await Array.fromAsync(unpack(codec, bytes))).toString();
}

const text = (name: string) => Buffer.from(name);
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** A frame that decoders skip; zstd and LZ4 have the same. */
const skippable = Buffer.concat([uint32(0x184d2a53), uint32(5), text("notes")]);

/** An LZ4 frame of one stored block. */
function lz4Frame(content: string): Buffer {
  return Buffer.concat([
    uint32(0x184d2204),
    Buffer.of(0x60, 0x40, 0x82),
    uint32((content.length | 0x80000000) >>> 0),
    text(content),
    uint32(0),
  ]);
}

/** The Snappy of snappy-java: a head, then blocks with their sizes. */
function xerial(...contents: string[]): Buffer {
  const blocks = contents.map((content) => {
    const block = Buffer.concat([
      Buffer.of(content.length, (content.length - 1) << 2),
      text(content),
    ]);
    const size = Buffer.alloc(4);
    size.writeInt32BE(block.length);
    return Buffer.concat([size, block]);
  });
  return Buffer.concat([Buffer.of(0x82), text("SNAPPY\0"), Buffer.alloc(8), ...blocks]);
}

const cases: [name: string, codec: number, bytes: Uint8Array, expected: string][] = [
  ["gzip members one after the other", 1, Buffer.concat([gzipSync("ab"), gzipSync("cd")]), "abcd"],
  [
    "zstd frames",
    4,
    Buffer.concat([zstdCompressSync(text("ab")), zstdCompressSync(text("cd"))]),
    "abcd",
  ],
  [
    "zstd behind a skippable frame",
    4,
    Buffer.concat([skippable, zstdCompressSync(text("ab"))]),
    "ab",
  ],
  [
    "zstd behind an empty frame",
    4,
    Buffer.concat([zstdCompressSync(text("")), zstdCompressSync(text("ab"))]),
    "ab",
  ],
  ["LZ4 frames", LZ4, Buffer.concat([lz4Frame("ab"), lz4Frame("cd")]), "abcd"],
  ["LZ4 behind a skippable frame", LZ4, Buffer.concat([skippable, lz4Frame("ab")]), "ab"],
  ["LZ4 with bytes behind its frame", LZ4, Buffer.concat([lz4Frame("ab"), text("trailing")]), "ab"],
  ["snappy-java streams", SNAPPY, Buffer.concat([xerial("ab", "cd"), xerial("ef")]), "abcdef"],
];

for (const [name, codec, bytes, expected] of cases) {
  Deno.test(`unpack() reads ${name}`, async () => {
    assertEquals(await unpacked(codec, bytes), expected);
  });
}

Deno.test("unpack() refuses data that is cut off anywhere, and does not hang", async () => {
  for (const [, codec, bytes, expected] of cases) {
    for (let size = 0; size < bytes.length; size++) {
      const got = await unpacked(codec, bytes.subarray(0, size)).catch(() => null);
      if (got !== null) assertEquals(expected.startsWith(got), true, `${codec} at ${size}: ${got}`);
    }
  }
});

Deno.test("unpack() gives large data in pieces of a few MiB", async () => {
  const size = 40_000_000;
  for (
    const [codec, bytes] of [[1, gzipSync(Buffer.alloc(size))], [
      4,
      zstdCompressSync(Buffer.alloc(size)),
    ]] as const
  ) {
    let total = 0;
    for await (const piece of unpack(codec, bytes)) {
      assertEquals(piece.length <= 4_194_304, true, `${piece.length} bytes`);
      total += piece.length;
    }
    assertEquals(total, size);
  }
});

Deno.test("unpack() gives an LZ4 match of a hundred megabytes in pieces", async () => {
  const longMatch = Buffer.concat([
    Buffer.of(0x1f, 0x78, 1, 0),
    Buffer.alloc(400_000, 255),
    Buffer.of(0),
    // A last sequence of five literals.
    Buffer.of(0x50),
    text("abcde"),
  ]);
  const frame = Buffer.concat([
    uint32(0x184d2204),
    Buffer.of(0x60, 0x40, 0x82),
    uint32(longMatch.length),
    longMatch,
    uint32(0),
  ]);
  let total = 0;
  for await (const piece of unpack(LZ4, frame)) {
    assertEquals(piece.length <= 4_194_304, true, `${piece.length} bytes`);
    total += piece.length;
  }
  assertEquals(total, 1 + 15 + 255 * 400_000 + 4 + 5);
});

Deno.test("unpack() names the codec that failed", async () => {
  await assertRejects(() => unpacked(LZ4, text("nothing")), Error, "lz4: no frame begins here");
  await assertRejects(() => unpacked(9, text("nothing")), RangeError, "codec 9 is unknown");
});
