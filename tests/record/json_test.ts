import { assert, assertEquals } from "@std/assert";
import { DEPTH_MAX, findSyntaxError, isTooDeep, parseAsWritten } from "../../src/record/json.ts";
import { jsonCases } from "./json_cases.ts";
import { drawFrom, mutate, pick } from "../fakes/random.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The texts of the table that are UTF-8 and not too deep. */
function texts(): string[] {
  return jsonCases.filter(({ outcome }) =>
    !(typeof outcome === "object" && "code" in outcome && /utf8|depth/.test(outcome.code))
  ).map(({ value }) => new TextDecoder().decode(value!));
}

Deno.test("findSyntaxError() agrees with JSON.parse() on every text of the table", () => {
  for (const text of texts()) assertEquals(findSyntaxError(text) === null, parses(text), text);
});

Deno.test("findSyntaxError() agrees with JSON.parse() on 30 000 mutated texts", () => {
  const draw = drawFrom(1);
  const from = texts().filter((text) => text.length < 200);
  let good = 0;
  for (let i = 0; i < 30_000; i++) {
    const text = mutate(draw, pick(draw, from));
    assertEquals(findSyntaxError(text) === null, parses(text), JSON.stringify(text));
    if (parses(text)) good++;
  }
  assert(good > 3_000 && good < 27_000, `${good} of them parse: the rest was not tried`);
});

Deno.test("findSyntaxError() names the first position that no continuation can make valid", () => {
  const draw = drawFrom(2);
  const ends = [
    "",
    "0",
    "0}",
    '"',
    '""',
    '"}',
    "null",
    ":0}",
    "]",
    "]}",
    "}",
    "1]",
    "1]}",
    "}}",
    "]}}",
    '":0}',
    '"}}',
    "0]}",
  ];
  for (let i = 0; i < 5_000; i++) {
    const text = mutate(draw, '{"a":[1.5,-2e-3,"x\\n"],"b":{"c":null}}');
    const error = findSyntaxError(text);
    if (error === null) continue;
    const position = Number(/ at position (\d+), /.exec(error)![1]);
    for (const end of ends) {
      assert(!parses(text.slice(0, position + 1) + end) || position === text.length, text);
    }
  }
});

Deno.test("findSyntaxError() shows an unprintable character by its code point", () => {
  assertEquals(findSyntaxError("\u001b[31m"), "expected a value at position 0, found U+001B");
  assertEquals(findSyntaxError("- 1"), 'expected a digit at position 1, found " 1"');
  assertEquals(findSyntaxError("🙂"), "expected a value at position 0, found U+1F642");
  assertEquals(findSyntaxError("x\u0000"), 'expected a value at position 0, found "x\\u0000"');
});

const depths: [name: string, text: string, deep: boolean][] = [
  ["64 arrays", "[".repeat(64) + "]".repeat(64), false],
  ["65 arrays", "[".repeat(65) + "]".repeat(65), true],
  ["65 brackets of both kinds", '{"a":['.repeat(33) + "]}".repeat(33), true],
  ["64 brackets of both kinds", '{"a":['.repeat(32) + "]}".repeat(32), false],
  ["65 brackets never closed", "[".repeat(65), true],
  ["1 000 arrays side by side", `[${"[],".repeat(1000)}1]`, false],
  ["brackets in a text", `"${"[".repeat(100)}"`, false],
  ["brackets after a text", `["",${"[".repeat(64)}`, true],
  ["brackets after an escaped quote", `"\\"${"[".repeat(100)}"`, false],
  ["brackets after an escaped backslash", `["\\\\",${"[".repeat(64)}`, true],
  ["characters whose code points end like brackets", "Ûݛݝ".repeat(100), false],
];

for (const [name, text, deep] of depths) {
  Deno.test(`isTooDeep() counts ${name}`, () => {
    assertEquals(isTooDeep(new TextEncoder().encode(text)), deep);
  });
}

Deno.test("isTooDeep() agrees with the depth that JSON.parse() finds", () => {
  const draw = drawFrom(3);
  const depthOf = (value: unknown): number =>
    typeof value === "object" && value !== null
      ? 1 + Math.max(0, ...Object.values(value).map(depthOf))
      : 0;
  for (let i = 0; i < 2_000; i++) {
    let text = pick(draw, ["1", '"]"', '"\\"["', "[[],[]]", '{"{":"\\\\"}']);
    for (let around = draw(80); around > 0; around--) {
      text = pick(draw, [
        `[${text}]`,
        `{"a]":${text}}`,
        `["[",${text},[]]`,
        `{"\\"":0,"b":${text}}`,
      ]);
    }
    const deep = depthOf(JSON.parse(text)) > DEPTH_MAX;
    assertEquals(isTooDeep(new TextEncoder().encode(text)), deep, text);
  }
});

Deno.test("parseAsWritten() keeps numbers as they were written", () => {
  const text = '[-0,-0.0,1e400,1E+2,0.10,12345678901234567890,{"a":[1.0]},"1.0",null,true]';
  assertEquals(JSON.stringify(parseAsWritten(text)), text);
});
