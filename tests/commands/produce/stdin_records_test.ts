import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { OperationalError } from "../../../src/errors.ts";
import type { GeneratedRecord } from "../../../src/commands/produce/records.ts";
import { BadLines, readRecords } from "../../../src/commands/produce/stdin_records.ts";

const line = (n: number) => `{"userID":${n},"timestamp":1732431234.5,"coordinates":[1.5,2.5]}`;
const never = new AbortController().signal;

async function read(
  chunks: (string | Uint8Array)[],
  key: "user" | "none" = "user",
  bad: BadLines | null = null,
): Promise<GeneratedRecord[]> {
  const records: GeneratedRecord[] = [];
  const encoder = new TextEncoder();
  const stream = ReadableStream.from(
    chunks.map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk),
  );
  for await (const some of readRecords(stream, { key, signal: never, bad })) {
    records.push(...some);
  }
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
];

for (const [name, chunks, message] of badInputs) {
  Deno.test(`readRecords() names a bad line: ${name}`, async () => {
    const error = await assertRejects(() => read(chunks), OperationalError);
    assert(error.message.startsWith(message), error.message);
    assertEquals(error.kind, "data");
  });
}

Deno.test("readRecords() skips blank lines, and counts them", async () => {
  const chunks = [`\n${line(1)}\n\n`, ` \t\r\n${line(2)}\n`];
  assertEquals((await read(chunks)).map(({ key }) => key), ["1", "2"]);
  const error = await assertRejects(() => read([...chunks, "{}\n"]), OperationalError);
  assert(error.message.startsWith("line 6 of stdin "), error.message);
});

Deno.test("readRecords() passes bad lines on and reads the others", async () => {
  const bad = new BadLines();
  const chunks = [`${line(1)}\n{}\n${line(3)}\n`, `nonsense\n${line(5)}`];
  const records = await read(chunks, "user", bad);
  assertEquals(records.map(({ key }) => key), ["1", "3", "5"]);
  const { message, reason } = bad.failure!;
  assertEquals(message, "2 lines of stdin are not valid records and were not sent");
  assertEquals(reason.map((text) => text.split(":")[0]), ["line 2", "line 4"]);
});

Deno.test("readRecords() drops a byte order mark, and reads UTF-16 that has one", async () => {
  const text = `${line(1)}\n${line(2)}\n`;
  const big = Buffer.from(`\ufeff${text}`, "utf16le").swap16();
  for (
    const bytes of [Buffer.from(`\ufeff${text}`), Buffer.from(`\ufeff${text}`, "utf16le"), big]
  ) {
    // In pieces, so that a character and the mark are cut.
    const pieces = [bytes.subarray(0, 1), bytes.subarray(1, 42), bytes.subarray(42)];
    const records = await read(pieces);
    assertEquals(records.map(({ value }) => String(Buffer.from(value as Uint8Array))), [
      line(1),
      line(2),
    ]);
  }
});

Deno.test("readRecords() refuses UTF-16 that ends within a character, after the lines before it", async () => {
  const whole = Buffer.from(`\ufeff${line(1)}\n`, "utf16le");
  const sent: GeneratedRecord[] = [];
  const stream = ReadableStream.from([whole, new Uint8Array([0x7b])]);
  const reading = async () => {
    for await (const some of readRecords(stream, { key: "user", signal: never, bad: null })) {
      sent.push(...some);
    }
  };
  const error = await assertRejects(reading, OperationalError);
  assertEquals([error.kind, error.message], [
    "data",
    `stdin ends within a character: it is UTF-16 and has ${whole.length + 1} bytes`,
  ]);
  assertEquals(sent.map(({ key }) => key), ["1"]);
});

const otherForms: [name: string, text: string, hint: RegExp][] = [
  ["an array in one line", `[${line(1)},${line(2)}]`, /jq -c '\.\[\]' FILE/],
  ["an array in several lines", `[\n  ${line(1)}\n]\n`, /jq -c '\.\[\]' FILE/],
  ["an object in several lines", '{\n  "userID": 7,\n', /jq -c \. FILE/],
  ["CSV with a header", "user,time,latitude,longitude\n7,1.5,2.5,3.5\n", /not CSV: \{"userID":/],
  ["CSV with quotes and semicolons", '"user id";"time"\n7;1.5\n', /not CSV/],
  [
    "times in milliseconds",
    line(1).replace("1732431234.5", "1732431234567"),
    /\.timestamp \/= 1000/,
  ],
  ["a record with one fault", line(1).replace("1.5", "91"), /^correct (this|these) line/],
  ["a word", "nonsense\n", /^correct (this|these) line/],
];

for (const [name, text, hint] of otherForms) {
  Deno.test(`the fix for input of another form fits: ${name}`, async () => {
    const error = await assertRejects(() => read([text]), OperationalError);
    assertMatch(error.hint.join(), hint);
    const bad = new BadLines();
    await read([text], "user", bad);
    assertMatch(bad.failure!.hint.join(), hint);
  });
}

Deno.test("readRecords() refuses packed data, and names the command that unpacks it", async () => {
  for (
    const [bytes, name, command] of [
      [gzipSync(line(1)), "gzip", "gunzip -c"],
      [zstdCompressSync(line(1)), "zstd", "zstd -dc"],
    ] as const
  ) {
    const error = await assertRejects(() => read([bytes]), OperationalError);
    assertEquals([error.kind, error.message, error.hint], [
      "data",
      `stdin is ${name} data, not NDJSON`,
      [`${command} FILE | routes produce --stdin`],
    ]);
  }
});

Deno.test("readRecords() names why stdin cannot be read", async () => {
  const stream = new ReadableStream<Uint8Array>({
    pull() {
      throw new Error("Is a directory (os error 21)");
    },
  });
  const reading = Array.fromAsync(readRecords(stream, { key: "user", signal: never, bad: null }));
  const error = await assertRejects(() => reading, OperationalError);
  assertEquals([error.kind, error.message], ["noInput", "cannot read stdin: is a directory"]);
});
