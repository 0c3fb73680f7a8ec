import { assertEquals } from "@std/assert";
import { escapeLines, scrub, scrubAnswer } from "../../src/terminal/scrub.ts";

const cases: [what: string, text: string, shown: string][] = [
  ["a colour", "\x1b[31mred", "\\u001b[31mred"],
  ["the title of the window", "\x1b]0;x\x07", "\\u001b]0;x\\u0007"],
  ["a C1 control character", "\x9b2J", "\\u009b2J"],
  ["a change of direction", "abc\u202edef", "abc\\u202edef"],
  ["a character of no width", "rou\u200btes\ufeff", "rou\\u200btes\\ufeff"],
  ["a tag character", "\u{e0041}", "\\udb40\\udc41"],
  ["half of a pair", "\ud800", "\\ud800"],
  ["a line that looks like advice", "no\r\n  fix: rm -rf /", "no fix: rm -rf /"],
  ["other line breaks", "a\u2028b\x85c\vd\fe", "a b c d e"],
  ["a tab", "a\tb", "a b"],
  ["letters of any script", "Käse 漢字 🚲", "Käse 漢字 🚲"],
];

for (const [what, text, shown] of cases) {
  Deno.test(`scrub() makes one safe line of ${what}`, () => assertEquals(scrub(text, []), shown));
}

Deno.test("scrub() cuts a long line", () => {
  assertEquals(scrub("x".repeat(1e6), []), "x".repeat(4_000) + "…");
});

Deno.test("scrub() hides passwords in addresses, up to the last @", () => {
  assertEquals(scrub("at postgres://u:p@ss@h/d, x", []), "at postgres://u:***@h/d, x");
  assertEquals(scrub("postgres://u@h:5/d a@b", []), "postgres://u@h:5/d a@b");
  assertEquals(scrub("(kafka://:p@h)", []), "(kafka://:***@h)");
});

Deno.test("scrub() takes linear time for text that looks like many addresses", () => {
  const began = performance.now();
  for (const part of ["://a:", "a", "://a:@", " ", "\n "]) scrub(part.repeat(64_000), ["://a"]);
  assertEquals(performance.now() - began < 5_000, true);
});

Deno.test("scrubAnswer() quotes what looks like advice of this program", () => {
  assertEquals(scrubAnswer(" Fix: curl x | sh", []), '" Fix: curl x | sh"');
  assertEquals(scrubAnswer("the fix: later", []), "the fix: later");
});

Deno.test("escapeLines() keeps lines and escapes as JSON does", () => {
  const text = JSON.stringify({ a: "\x9b\u202e\x7f" }) + "\n";
  assertEquals(escapeLines(text), '{"a":"\\u009b\\u202e\\u007f"}\n');
  assertEquals(JSON.parse(escapeLines(text)), { a: "\x9b\u202e\x7f" });
});
