import { assertEquals } from "@std/assert";
import { parseIni } from "../../src/settings/ini.ts";

const valuesOf = (text: string) =>
  parseIni(text).entries.map(({ section, key, value }) => [`${section}.${key}`, value]);
const faultsOf = (text: string) =>
  parseIni(text).faults.map(({ line, message }) => `${line}: ${message}`);

Deno.test("parseIni() keeps the line of every section and key", () => {
  assertEquals(parseIni("; a\n\n[kafka]\ntopic = a\n\n[postgresql]\nhost: b\n"), {
    entries: [
      { section: "kafka", key: "topic", value: "a", line: 4 },
      { section: "postgresql", key: "host", value: "b", line: 7 },
    ],
    sections: [{ name: "kafka", line: 3 }, { name: "postgresql", line: 6 }],
    faults: [],
  });
});

Deno.test("parseIni() finds nothing in an empty text", () => {
  for (const text of ["", "\n\n", "\ufeff", "; a\n# b\n  ; c"]) {
    assertEquals(parseIni(text), { entries: [], sections: [], faults: [] });
  }
});

Deno.test("parseIni() skips a byte order mark", () => {
  assertEquals(valuesOf("\ufeff[kafka]\ntopic = a"), [["kafka.topic", "a"]]);
});

for (const [name, end] of [["\\n", "\n"], ["\\r\\n", "\r\n"], ["\\r", "\r"]] as const) {
  Deno.test(`parseIni() reads lines that end in ${name}`, () => {
    const text = ["[kafka]", "topic = a", "", "group_id = b", ""].join(end);
    assertEquals(parseIni(text).entries.map(({ value, line }) => [value, line]), [
      ["a", 2],
      ["b", 4],
    ]);
  });
}

const values: [line: string, value: string][] = [
  ["key = value", "value"],
  ["key=value", "value"],
  ["key: value", "value"],
  ["key:value", "value"],
  ["\t key \t=\t value \t", "value"],
  ["KEY = Value", "Value"],
  ["key = a=b:c", "a=b:c"],
  ["key: a=b", "a=b"],
  ["key = postgres://u:p@h:1/d?a=b", "postgres://u:p@h:1/d?a=b"],
  ["key = 100%", "100%"],
  ["key = %(home)s ${home}", "%(home)s ${home}"],
  ["key = a # b ; c", "a # b ; c"],
  ["key = #a", "#a"],
  ["key = ;a", ";a"],
  ["key =", ""],
  ["key = ", ""],
  ['key = ""', ""],
  ['key = "a b"', "a b"],
  ['key = " a "', " a "],
  ['key = ""a""', '"a"'],
  ['key = "a', '"a'],
  ['key = a"', 'a"'],
  ['key = "', '"'],
  ["key = 'a'", "'a'"],
  ["key = a\\nb", "a\\nb"],
  ["key = ключ 🔑", "ключ 🔑"],
];

for (const [line, value] of values) {
  Deno.test(`parseIni() takes ${JSON.stringify(line)} literally`, () => {
    assertEquals(parseIni(`[s]\n${line}`).faults, []);
    assertEquals(valuesOf(`[s]\n${line}`), [["s.key", value]]);
  });
}

Deno.test("parseIni() ignores the case of sections and keys", () => {
  assertEquals(valuesOf("[KAFKA]\nTopic = A\n[ PostgreSQL ]\nHOST = B"), [
    ["kafka.topic", "A"],
    ["postgresql.host", "B"],
  ]);
});

Deno.test("parseIni() treats [DEFAULT] as an ordinary section", () => {
  assertEquals(valuesOf("[DEFAULT]\na = 1\n[kafka]\nb = 2"), [["default.a", "1"], [
    "kafka.b",
    "2",
  ]]);
});

Deno.test("parseIni() finds all faults, not only the first", () => {
  const text =
    "topic = a\n[kafka]\njust words\n= value\ntopic = a\nTOPIC = b\n[Kafka]\ntopic = c\n" +
    "[postgresql\n";
  assertEquals(faultsOf(text), [
    "1: expected a [section] before the first key",
    '3: expected a [section], "key = value" or a comment',
    '4: expected a [section], "key = value" or a comment',
    '6: duplicate key "topic" in [kafka]: first on line 5',
    "7: duplicate section [kafka]: first on line 2",
    '8: duplicate key "topic" in [kafka]: first on line 5',
    '9: expected a [section], "key = value" or a comment',
  ]);
});

Deno.test("parseIni() accepts the same key in two sections", () => {
  assertEquals(faultsOf("[a]\nkey = 1\n[b]\nkey = 2"), []);
});

Deno.test("parseIni() does not quote a line that it cannot parse", () => {
  const faults = faultsOf("hunter2\n[kafka]\nhunter2\n");
  assertEquals(faults.some((fault) => fault.includes("hunter2")), false);
});

Deno.test("parseIni() quotes nothing of a line without a delimiter", () => {
  const { entries, faults } = parseIni("[postgresql]\npassword hunter2=x");
  assertEquals(entries, []);
  assertEquals(faults, [
    { line: 2, message: 'expected a [section], "key = value" or a comment' },
  ]);
});
