import { assertEquals } from "@std/assert";
import { suggest } from "../src/suggest.ts";

const known = ["produce", "consume", "migrate", "query", "help"];

const words: [word: string, meant: string | null][] = [
  ["produce", "produce"],
  ["prodcue", "produce"],
  ["prduce", "produce"],
  ["produces", "produce"],
  ["CONSUME", "consume"],
  ["consmue", "consume"],
  ["qeury", "query"],
  ["hlep", "help"],
  ["halp", "help"],
  ["hilfe", null],
  ["migration", "migrate"],
  ["frobnicate", null],
  ["q", null],
  ["", null],
];

for (const [word, meant] of words) {
  Deno.test(`suggest() takes "${word}" for ${meant ?? "nothing"}`, () => {
    assertEquals(suggest(word, known), meant);
  });
}

Deno.test("suggest() prefers what is nearer, then what comes first", () => {
  assertEquals(suggest("tine", ["line", "time", "tone"]), "line");
  assertEquals(suggest("times", ["tames", "time"]), "tames");
  assertEquals(suggest("limit", ["limits", "limit"]), "limit");
});

Deno.test("suggest() does not care for case on either side", () => {
  assertEquals(suggest("sasl_sls", ["PLAINTEXT", "SASL_SSL"]), "SASL_SSL");
});

Deno.test("suggest() knows nothing among nothing", () => {
  assertEquals(suggest("a", []), null);
});
