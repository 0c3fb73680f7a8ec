import { assert, assertEquals, assertRejects } from "@std/assert";
import { OperationalError } from "../../../src/errors.ts";
import {
  type GeneratedRecord,
  type MakeOptions,
  makeRecords,
  readRecords,
  toLines,
} from "../../../src/commands/produce/records.ts";

const options: MakeOptions = {
  seed: 42,
  model: "walk",
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

const line = (n: number) => `{"userID":${n},"timestamp":1732431234.5,"coordinates":[1.5,2.5]}`;
const never = new AbortController().signal;

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

async function read(chunks: string[], key: "user" | "none" = "user"): Promise<GeneratedRecord[]> {
  const records: GeneratedRecord[] = [];
  const stream = ReadableStream.from(chunks).pipeThrough(new TextEncoderStream());
  for await (const some of readRecords(stream, { key, signal: never })) records.push(...some);
  return records;
}

Deno.test("readRecords() takes the key from the record, in either spelling", async () => {
  const records = await read([`${line(7)}\n${line(-8).replace("userID", "userId")}\n`]);
  assertEquals(records.map(({ key }) => key), ["7", "-8"]);
  assertEquals((await read([line(7)], "none"))[0]!.key, null);
});

const badInputs: [name: string, chunks: string[], message: string][] = [
  ["its number", [`${line(1)}\n{}\n`], "line 2 of stdin is not a valid record: "],
  ["its number across chunks", [`${line(1)}\n${line(2)}\n`, `${line(3)}\n[]\n`], "line 4 of stdin"],
  [
    "its number after a line in pieces",
    [line(1).slice(0, 9), `${line(1).slice(9)}\n{\n`],
    "line 2 ",
  ],
  [
    "where it is wrong",
    [line(1).replace("1.5", "91")],
    "line 1 of stdin is not a valid record: coordinates[0]: ",
  ],
  ["an empty line too", [`${line(1)}\n\n${line(3)}`], "line 2 of stdin is not a valid record: "],
];

for (const [name, chunks, message] of badInputs) {
  Deno.test(`readRecords() names a bad line: ${name}`, async () => {
    const error = await assertRejects(() => read(chunks), OperationalError);
    assert(error.message.startsWith(message), error.message);
    assertEquals(error.kind, "data");
  });
}

Deno.test("toLines() keeps text, bytes and tombstones apart by newlines", () => {
  const values = ["é", Uint8Array.of(0xff, 0xfe), "", null, "z"];
  const lines = toLines(values.map((value) => ({ key: null, value })));
  assertEquals(lines, Uint8Array.of(0xc3, 0xa9, 10, 0xff, 0xfe, 10, 10, 10, 0x7a, 10));
});
