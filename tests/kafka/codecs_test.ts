import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { unpack } from "../../src/kafka/codecs/mod.ts";
import { forms, uint32 } from "../support/packed.ts";

const LZ4 = 3;

async function unpacked(codec: number, bytes: Uint8Array): Promise<string> {
  return Buffer.concat(await Array.fromAsync(unpack(codec, bytes))).toString();
}

const text = (name: string) => Buffer.from(name);

for (const [name, codec, pack] of forms) {
  Deno.test(`unpack() reads ${name}`, async () => {
    assertEquals(await unpacked(codec, pack(text("abcdef"))), "abcdef");
  });
}

Deno.test("unpack() refuses data that is cut off anywhere, and does not hang", async () => {
  for (const [name, codec, pack] of forms) {
    const bytes = pack(text("abcdef"));
    for (let size = 0; size < bytes.length; size++) {
      const got = await unpacked(codec, bytes.subarray(0, size)).catch(() => null);
      if (got !== null) assertEquals("abcdef".startsWith(got), true, `${name} at ${size}: ${got}`);
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
