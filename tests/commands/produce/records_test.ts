import { assertEquals } from "@std/assert";
import { type MakeOptions, makeRecords, toLines } from "../../../src/commands/produce/records.ts";

const options: MakeOptions = {
  seed: 42,
  model: "traffic",
  users: 10,
  center: [60.1699, 24.9384],
  radiusM: 25_000,
  speedKmh: 40,
  intervalMs: 5_000,
  startMs: 1_732_431_234_567,
  key: "user",
  userField: "userID",
  count: 1_000,
  invalidPercent: 0,
  heavy: true,
};

Deno.test("makeRecords() makes the requested number, keyed by user", () => {
  const records = [...makeRecords({ ...options, count: 1_001 })].flat();
  assertEquals(records.length, 1_001);
  for (const { key, value } of records) {
    assertEquals(key, String(JSON.parse(value as string).userID));
  }
});

Deno.test("makeRecords() makes an exact share invalid and leaves the others valid", () => {
  const whole = [...makeRecords(options)].flat();
  const spoilt = [...makeRecords({ ...options, invalidPercent: 7 })].flat();
  const labelled = spoilt.filter(({ headers }) => headers?.["routes-invalid"]);
  assertEquals(labelled.length, 70);
  spoilt.forEach((record, index) => {
    assertEquals(record.key, whole[index]!.key);
    if (!record.headers) assertEquals(record.value, whole[index]!.value);
  });
});

Deno.test("makeRecords() carries the flaw of 1 MiB headers in a header", () => {
  const records = [...makeRecords({ ...options, invalidPercent: 1 })].flat();
  const large = records.filter(({ headers }) => headers?.["routes-invalid"] === "size/headers");
  assertEquals(large.map(({ headers }) => headers!["routes-padding"]!.length), [1_048_576]);
});

Deno.test("toLines() keeps text, bytes and tombstones apart by newlines", () => {
  const values = ["é", Uint8Array.of(0xff, 0xfe), "", null, "z"];
  const lines = toLines(values.map((value) => ({ key: null, value })));
  assertEquals(lines, Uint8Array.of(0xc3, 0xa9, 10, 0xff, 0xfe, 10, 10, 10, 0x7a, 10));
});
