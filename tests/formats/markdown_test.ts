import { assertEquals } from "@std/assert";
import type { Column } from "../../src/formats/format.ts";
import { markdown } from "../../src/formats/markdown.ts";
import { lines, render } from "./support.ts";

const texts: Column[] = [{ name: "n", kind: "integer" }, { name: "text", kind: "text" }];

Deno.test("markdown() is a table with right-aligned numbers", () => {
  assertEquals(
    render(markdown, {}, [[7, 1732431234.567, 60.1699123, -24.9]], [[12345, 0, -1.5, 180]]),
    lines(
      "| user | time                     |   latitude | longitude |",
      "| ---: | ------------------------ | ---------: | --------: |",
      "|    7 | 2024-11-24T06:53:54.567Z | 60.1699123 |     -24.9 |",
      "| 12345 | 1970-01-01T00:00:00.000Z |       -1.5 |       180 |",
    ),
  );
});

Deno.test("markdown() of nothing is a table without rows", () => {
  assertEquals(render(markdown, { columns: texts }), lines("|   n | text |", "| --: | ---- |"));
});

Deno.test("markdown() escapes the special characters of stored text", () => {
  const textOf = (text: string) =>
    render(markdown, { columns: texts }, [[1, text]]).split("\n")[2]!.slice(8, -2).trimEnd();
  assertEquals(textOf("a|b"), "a\\|b");
  assertEquals(
    textOf("json_syntax *now* `x` [a](b)"),
    "json\\_syntax \\*now\\* \\`x\\` \\[a\\]\\(b\\)",
  );
  assertEquals(textOf("<b>&amp;</b>"), "\\<b\\>\\&amp;\\</b\\>");
  assertEquals(textOf("two\nlines"), "two\\\\nlines");
  assertEquals(textOf("\x1b[31m"), "\\\\u001b\\[31m");
});
