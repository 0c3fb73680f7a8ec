import { assertEquals, assertStringIncludes } from "@std/assert";
import { markdown } from "../../src/formats/markdown.ts";
import { table } from "../../src/formats/table.ts";
import { vertical } from "../../src/formats/vertical.ts";
import type { Column } from "../../src/formats/format.ts";
import { lines, render } from "./support.ts";

const rows = [[7, 1732431234.567, 60.1699123, -24.9], [12345, 0, -1.5, 180]];
const texts: Column[] = [{ name: "n", kind: "integer" }, { name: "text", kind: "text" }];

Deno.test("table() aligns numbers to the right and text to the left", () => {
  assertEquals(
    render(table, {}, rows),
    lines(
      "  user | time                     |   latitude | longitude",
      "-------+--------------------------+------------+-----------",
      "     7 | 2024-11-24T06:53:54.567Z | 60.1699123 |     -24.9",
      " 12345 | 1970-01-01T00:00:00.000Z |       -1.5 |       180",
    ),
  );
});

Deno.test("table() draws lines on a Unicode terminal, and bold names on one with colours", () => {
  assertEquals(
    render(table, { unicode: true, color: true, time: "unix", width: 80 }, rows.slice(0, 1)),
    lines(
      " \x1b[1muser\x1b[22m │       \x1b[1mtime (s)\x1b[22m │   \x1b[1mlatitude\x1b[22m │ \x1b[1mlongitude\x1b[22m",
      "──────┼────────────────┼────────────┼───────────",
      "    7 │ 1732431234.567 │ 60.1699123 │     -24.9",
    ),
  );
});

Deno.test("table() shows the column names of an empty result, except without a header", () => {
  assertEquals(
    render(table, {}),
    lines(" user | time | latitude | longitude", "------+------+----------+-----------"),
  );
  assertEquals(render(table, { header: false }), "");
  assertEquals(render(table, { header: false, columns: texts }, [[1, "a"]]), lines(" 1 | a"));
});

Deno.test("table() keeps the widths of the first batch", () => {
  assertEquals(
    render(table, { columns: texts }, [[1, "a"]], [[22, "bb"], [3, "c"]]),
    lines(" n | text", "---+------", " 1 | a", " 22 | bb", " 3 | c"),
  );
});

Deno.test("table() counts wide and combining characters like a terminal", () => {
  const cells = ["ab", "日本", "e\u0301", "👍", "한", null, "å"].map((text, i) => [i, text]);
  const columns: Column[] = [texts[1]!, { name: "end", kind: "text" }];
  assertEquals(
    render(table, { columns }, cells.map(([, text]) => [text!, "|"])),
    lines(
      " text | end",
      "------+-----",
      " ab   | |",
      " 日本 | |",
      " e\u0301    | |",
      " 👍   | |",
      " 한   | |",
      "      | |",
      " å    | |",
    ),
  );
});

Deno.test("table() escapes control characters of stored text", () => {
  const cases: [string, string][] = [
    ["\x1b[31mred", "\\u001b[31mred"],
    ["a\nb\tc\rd", "a\\nb\\tc\\rd"],
    ["\0\x07\x7f\x9b", "\\u0000\\u0007\\u007f\\u009b"],
    ["abc\u202edef\u200f", "abc\\u202edef\\u200f"],
    ["\ufeffx\u2028\u2066", "\\ufeffx\\u2028\\u2066"],
    ["half \ud800 pair", "half \\ud800 pair"],
    ["\u{e0041}", "\\udb40\\udc41"],
    ['quote " and \\ stay', 'quote " and \\ stay'],
  ];
  for (const [text, expected] of cases) {
    assertEquals(
      render(table, { columns: texts, header: false }, [[1, text]]),
      lines(` 1 | ${expected}`),
    );
  }
});

Deno.test("table() cuts long text, but never inside a character", () => {
  const textOf = (text: string) =>
    render(table, { columns: texts, header: false }, [[1, text]]).slice(5, -1);
  assertEquals(textOf("x".repeat(120)), "x".repeat(120));
  assertEquals(textOf("x".repeat(121)), "x".repeat(120) + "…");
  assertEquals(textOf("x".repeat(119) + "👍👍"), "x".repeat(119) + "…");
});

Deno.test("table() rounds derived numbers", () => {
  const columns: Column[] = [{ name: "km", kind: "decimal", digits: 1 }];
  assertEquals(
    render(table, { columns }, [[12.34], [5], [null]]),
    lines("   km", "------", " 12.3", "  5.0", ""),
  );
});

Deno.test("people see the unit of a column, unless its name or its values have it", () => {
  const columns: Column[] = [
    { name: "time", kind: "time" },
    { name: "latitude", kind: "decimal", unit: "°" },
    { name: "box", kind: "text", unit: "W,S,E,N" },
    { name: "speed_kmh", kind: "decimal" },
  ];
  const heads = (options: Parameters<typeof render>[1]) =>
    render(table, { columns, ...options }).split("\n")[0];
  assertEquals(heads({}), " time | latitude (°) | box (W,S,E,N) | speed_kmh");
  assertEquals(heads({ unicode: true }), " time │ latitude (°) │ box (W,S,E,N) │ speed_kmh");
  assertEquals(heads({ time: "ms" }), " time (ms) | latitude (°) | box (W,S,E,N) | speed_kmh");
  assertEquals(
    render(markdown, { columns, time: "unix" }).split("\n")[0],
    "| time (s) | latitude (°) | box (W,S,E,N) | speed_kmh |",
  );
  const vertically = render(vertical, { columns, time: "unix" }, [[1, 60, "1,2,3,4", 5]]);
  assertEquals(vertically.split("\n").slice(1, 3), [
    "time (s)      | 1",
    "latitude (°)  | 60",
  ]);
});

Deno.test("every format for people has the same units, in a pipe and on a terminal, and in ASCII", () => {
  const columns: Column[] = [{ name: "latitude", kind: "decimal", unit: "°" }];
  for (const open of [table, vertical, markdown]) {
    for (const unicode of [false, true]) {
      assertStringIncludes(render(open, { columns, unicode }, [[60]]), "latitude (°)");
    }
    assertStringIncludes(render(open, { columns, ascii: true }, [[60]]), "latitude (deg)");
  }
});

Deno.test("table() becomes vertical only if it is wider than the terminal", () => {
  const widest = " 12345 | 1970-01-01T00:00:00.000Z |       -1.5 |       180";
  const whole = render(table, { width: widest.length + 1 }, rows);
  assertEquals(whole.split("\n")[3], widest);
  const narrow = render(table, { width: widest.length }, rows);
  assertEquals(
    narrow,
    lines(
      "-[ RECORD 1 ]-----------------------",
      "user      | 7",
      "time      | 2024-11-24T06:53:54.567Z",
      "latitude  | 60.1699123",
      "longitude | -24.9",
      "-[ RECORD 2 ]-----------------------",
      "user      | 12345",
      "time      | 1970-01-01T00:00:00.000Z",
      "latitude  | -1.5",
      "longitude | 180",
    ),
  );
});
