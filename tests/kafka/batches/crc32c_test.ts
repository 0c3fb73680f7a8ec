import { assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import crcOfKafkajs from "npm:kafkajs@2.2.4/src/protocol/recordBatch/crc32C/index.js";
import { crc32c } from "../../../src/kafka/batches/crc32c.ts";
import { drawFrom } from "../../fakes/random.ts";

Deno.test("crc32c() gives the check value of RFC 3720, and what kafkajs gives for bytes of any length", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  const draw = drawFrom(1);
  for (let size = 0; size < 200; size++) {
    const bytes = Uint8Array.from({ length: size }, () => draw(256));
    assertEquals(
      crc32c(bytes),
      (crcOfKafkajs as unknown as (bytes: Uint8Array) => number)(bytes) >>> 0,
    );
  }
});

Deno.test("crc32c() covers only the bytes named", () => {
  const bytes = new TextEncoder().encode("xx123456789yy");
  assertEquals(crc32c(bytes, 2, 11), 0xe3069283);
});
