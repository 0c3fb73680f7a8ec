import { assertEquals } from "@std/assert";
import { nearest } from "../src/nearest.ts";

const known = ["topic", "group_id", "security_protocol", "PLAINTEXT", "f"];
const cases: [word: string, meant: string | null][] = [
  ["topic", "topic"],
  ["TOPIC", "topic"],
  ["tpoic", "topic"],
  ["topc", "topic"],
  ["topicc", "topic"],
  ["tobic", "topic"],
  ["grupid", "group_id"],
  ["secruity_protocl", "security_protocol"],
  ["plaintxt", "PLAINTEXT"],
  ["F", "f"],
  ["tpc", null],
  ["frobnicate", null],
  ["constructor", null],
];
for (const [word, meant] of cases) {
  Deno.test(`nearest() to ${word} is ${meant}`, () => assertEquals(nearest(word, known), meant));
}

Deno.test("nearest() takes the nearest, of equals the first, of none nothing", () => {
  assertEquals(nearest("caat", ["cart", "cat"]), "cart");
  assertEquals(nearest("caat", ["cat", "cart"]), "cat");
  assertEquals(nearest("batch", ["bath", "batch"]), "batch");
  assertEquals(nearest("x", []), null);
});
