import { assertEquals } from "@std/assert";
import { openColors, wantsColor } from "../../src/terminal/color.ts";

const cases: [
  flag: "auto" | "always" | "never" | null,
  env: Record<string, string>,
  isTerminal: boolean,
  wanted: boolean,
][] = [
  [null, {}, true, true],
  [null, {}, false, false],
  ["auto", {}, true, true],
  ["auto", {}, false, false],
  ["always", { NO_COLOR: "1", TERM: "dumb" }, false, true],
  ["never", { FORCE_COLOR: "1" }, true, false],
  [null, { FORCE_COLOR: "1", NO_COLOR: "1", TERM: "dumb" }, false, true],
  [null, { FORCE_COLOR: "0" }, true, false],
  [null, { NO_COLOR: "1" }, true, false],
  [null, { NO_COLOR: "" }, true, true],
  [null, { TERM: "dumb" }, true, false],
  [null, { TERM: "xterm-256color" }, true, true],
];

for (const [flag, env, isTerminal, wanted] of cases) {
  const given = `flag ${flag}, environment ${JSON.stringify(env)}`;
  const where = isTerminal ? "on a terminal" : "elsewhere";
  Deno.test(`wantsColor() is ${wanted} with ${given}, ${where}`, () => {
    assertEquals(wantsColor(flag, (name) => env[name], isTerminal), wanted);
  });
}

Deno.test("openColors() returns text unchanged when colours are off", () => {
  assertEquals(openColors(false).red("a"), "a");
  assertEquals(
    openColors(true).red("a") + openColors(true).bold("b"),
    "\x1b[31ma\x1b[39m\x1b[1mb\x1b[22m",
  );
});
