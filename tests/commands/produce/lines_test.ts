import { assertEquals } from "@std/assert";
import { splitLines } from "../../../src/commands/produce/lines.ts";

const cases: { name: string; chunks: string[]; lines: string[] }[] = [
  { name: "splits at LF", chunks: ["a\nb\n"], lines: ["a", "b"] },
  { name: "needs no end after the last line", chunks: ["a\nb"], lines: ["a", "b"] },
  { name: "joins a line that came in pieces", chunks: ["a", "b", "c\nd"], lines: ["abc", "d"] },
  { name: "takes CRLF for an end", chunks: ["a\r\nb\r\n"], lines: ["a", "b"] },
  { name: "takes CRLF apart by a chunk for an end", chunks: ["a\r", "\nb"], lines: ["a", "b"] },
  { name: "keeps empty lines", chunks: ["\n\na\n"], lines: ["", "", "a"] },
  { name: "keeps a return within a line", chunks: ["a\rb\n"], lines: ["a\rb"] },
  { name: "finds nothing in nothing", chunks: ["", ""], lines: [] },
];

for (const { name, chunks, lines } of cases) {
  Deno.test(`splitLines() ${name}`, async () => {
    assertEquals(await split(chunks), lines);
  });
}

Deno.test("splitLines() cuts off a line without end instead of keeping it all", async () => {
  const mib = "x".repeat(1_048_576);
  const [line, next] = await split([mib, mib, mib, mib, mib, mib, "\nb"]);
  assertEquals(line!.length, 4_194_304);
  assertEquals(next, "b");
});

async function split(chunks: string[]): Promise<string[]> {
  const lines: string[] = [];
  for await (
    const some of splitLines(ReadableStream.from(chunks).pipeThrough(new TextEncoderStream()))
  ) {
    lines.push(...some.map((line) => new TextDecoder().decode(line)));
  }
  return lines;
}
