import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
// kafkajs's own encoder of a record, which its index does not export.
// deno-lint-ignore no-import-prefix
import encodeRecord from "npm:kafkajs@2.2.4/src/protocol/recordBatch/record/v0/index.js";
import { encodeRecords, type Outgoing } from "../../../src/kafka/patches/encode_records.ts";
import { drawFrom, pick } from "../../fakes/random.ts";

/** What kafkajs writes; it wants bytes as a Buffer, and headers as an object. */
function theirs(records: Outgoing[]): Buffer {
  const field = (of: Outgoing["value"]) => of instanceof Uint8Array ? Buffer.from(of) : of;
  const encode = encodeRecord as unknown as (record: object) => { buffer: Buffer };
  return Buffer.concat(records.map(({ key, value, headers = {} }, offsetDelta) =>
    encode({
      key: field(key),
      value: field(value),
      headers: Array.isArray(headers)
        ? Object.fromEntries(headers.map(({ key, value }) => [key, field(value)]))
        : headers,
      offsetDelta,
      timestampDelta: 0,
    }).buffer
  ));
}

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("encodeRecords() writes what kafkajs writes, whatever fields hold", () => {
  const draw = drawFrom(1);
  const texts = [
    "",
    "7",
    "x".repeat(63),
    "x".repeat(64),
    "y".repeat(8192),
    "é€🙂",
    "a\ud800b",
    "\0",
  ];
  const fields = [null, ...texts, ...texts.map(bytes), Uint8Array.of(0, 255, 128)];
  const headers = [
    {},
    { "routes-invalid": "utf8" },
    { "ä": "ö", "": "" },
    [{ key: "a", value: bytes("1") }, { key: "bé", value: bytes("") }],
  ];
  for (let round = 0; round < 200; round++) {
    const records = Array.from({ length: draw(300) }, (): Outgoing => ({
      key: pick(draw, fields),
      value: pick(draw, fields),
      ...(draw(4) === 0 && { headers: pick(draw, headers) }),
    }));
    assertEquals(Buffer.compare(encodeRecords(records), theirs(records)), 0);
  }
});

Deno.test("encodeRecords() keeps names that repeat in a list of headers, and a header without a value", () => {
  const headers = [
    { key: "a", value: bytes("1") },
    { key: "b", value: null },
    { key: "a", value: bytes("2") },
  ];
  assertEquals(
    [...encodeRecords([{ key: null, value: null, headers }])],
    // Size; attributes, time, offset; no key, no value; three headers, each name and value with its size.
    [34, 0, 0, 0, 1, 1, 6, 2, 97, 2, 49, 2, 98, 1, 2, 97, 2, 50],
  );
});
