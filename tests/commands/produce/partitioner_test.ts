import { assertEquals } from "@std/assert";
import { murmur2, partitionOf } from "../../../src/commands/produce/partitioner.ts";

// The vectors of testMurmur2() in Kafka's own UtilsTest.java.
const vectors: [text: string, hash: number][] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
];

for (const [text, hash] of vectors) {
  Deno.test(`murmur2() hashes ${JSON.stringify(text)} as Kafka's Java code does`, () => {
    assertEquals(murmur2(new TextEncoder().encode(text)), hash);
  });
}

Deno.test("partitionOf() is never negative, even for a negative hash", () => {
  assertEquals(partitionOf("21", 12), (-973932308 & 0x7fffffff) % 12);
  assertEquals(partitionOf("abc", 12), 479470107 % 12);
});
