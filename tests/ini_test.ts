import { assertEquals } from "@std/assert";
import { parseIni } from "../src/ini.ts";

const values: [line: string, value: string][] = [
  ["k = v", "v"],
  ["k=v", "v"],
  ["k: v", "v"],
  ["  K\t:\tv  ", "v"],
  ["k = a=b:c", "a=b:c"],
  ["k: a=b", "a=b"],
  ["k = 100%", "100%"],
  ["k = %(x)s", "%(x)s"],
  ["k = a # b", "a # b"],
  ["k = a;b ; c", "a;b ; c"],
  ["k = #a", "#a"],
  ["k = $HOME\\n", "$HOME\\n"],
  ['k = "a"', "a"],
  ['k = "  a  "', "  a  "],
  ['k = ""a""', '"a"'],
  ['k = "', '"'],
  ['k = "a" b', '"a" b'],
  ["k = 'a'", "'a'"],
  ["k =", ""],
  ['k = ""', ""],
  ["k = ключ", "ключ"],
];
for (const [line, value] of values) {
  Deno.test(`parseIni() reads ${JSON.stringify(line)} as ${JSON.stringify(value)}`, () => {
    const { entries, faults } = parseIni(`[s]\n${line}`);
    assertEquals(faults, []);
    assertEquals(entries, [{ section: "s", key: "k", value, line: 2 }]);
  });
}

Deno.test("parseIni() takes a byte order mark, comments, empty lines and every end of line", () => {
  const { sections, entries, faults } = parseIni(
    "\ufeff[A]\r\n; x = 1\n\n  # [b]\ry = 2\r\n[ c ]\nz = 3",
  );
  assertEquals(faults, []);
  assertEquals(sections, [{ section: "a", line: 1 }, { section: "c", line: 6 }]);
  assertEquals(entries, [
    { section: "a", key: "y", value: "2", line: 5 },
    { section: "c", key: "z", value: "3", line: 7 },
  ]);
});

Deno.test("parseIni() of nothing is nothing", () => {
  assertEquals(parseIni(""), { sections: [], entries: [], faults: [] });
});

Deno.test("parseIni() finds every fault, and shows nothing of a line it cannot read", () => {
  const { entries, faults } = parseIni([
    "early = 1",
    "[a]",
    "hunter2",
    "= hunter2",
    "password hunter2=x",
    "[a] ; hunter2",
    "k = 1",
    "K: 2",
    "[A]",
    "k = 3",
  ].join("\n"));
  const neither = 'this is neither a [section], nor "key = value", nor a comment';
  assertEquals(faults, [
    { line: 1, message: "this key stands before any [section]" },
    ...[3, 4, 5, 6].map((line) => ({ line, message: neither })),
    { line: 8, message: 'key "k" of [a] is there twice, first in line 7' },
    { line: 9, message: "section [a] is there twice, first in line 2" },
    { line: 10, message: 'key "k" of [a] is there twice, first in line 7' },
  ]);
  assertEquals(entries, [{ section: "a", key: "k", value: "1", line: 7 }]);
});
