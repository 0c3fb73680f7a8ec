import { assertEquals } from "@std/assert";
import { validate } from "../../src/record/validate.ts";
import { findStrictIssue } from "../../src/record/strict_keys.ts";

const GOOD = '"timestamp":1.5,"coordinates":[60.5,25.5]';
const encoder = new TextEncoder();

/** The results of validate() with and without `strict`. */
function judge(value: string): [strict: string, plain: string] {
  const message = { offset: "0", timestamp: "0", key: null, value: encoder.encode(value) };
  const [strict, plain] = [true, false].map((strict) => {
    const [reject] = validate([message], { strict }).rejects;
    return reject ? `${reject.code} ${reject.path}` : "good";
  });
  return [strict!, plain!];
}

Deno.test("validate() rejects unknown and duplicate keys only with strict", () => {
  const cases: [value: string, strict: string][] = [
    [`{"userID":7,${GOOD}}`, "good"],
    [`{"userId":7,${GOOD}}`, "good"],
    [` {"timestamp":1.5,"userID" : 7 , "coordinates":[60.5,25.5]}`, "good"],
    [`{"userID":7,${GOOD},"speed":3}`, "unknown_key speed"],
    [`{"userID":7,"userID":7,${GOOD}}`, "duplicate_key userID"],
    // The same key, written with an escape.
    [`{"userID":7,"user\\u0049D":8,${GOOD}}`, "duplicate_key userID"],
    [`{"userid":7,"userID":7,${GOOD}}`, "unknown_key userid"],
    [`{"__proto__":{},"userID":7,${GOOD}}`, "unknown_key __proto__"],
    [`{"":0,"userID":7,${GOOD}}`, "unknown_key "],
    [`{"a":"\\"b\\":","userID":7,${GOOD}}`, "unknown_key a"],
  ];
  for (const [value, strict] of cases) assertEquals(judge(value), [strict, "good"], value);
});

Deno.test("validate() reports other faults first, with and without strict", () => {
  for (const value of ["{", '{"userID":7,"x":1}', `{"userID":7,"userId":7,${GOOD}}`]) {
    const [strict, plain] = judge(value);
    assertEquals(strict, plain);
  }
});

Deno.test("findStrictIssue() checks only the keys of the outermost object, and ignores strings", () => {
  const known = '{"userID":{"x":1,"x":2},"timestamp":["a",{"b":1}],"coordinates":"{\\"c\\":1}"}';
  assertEquals(findStrictIssue(known), null);
  assertEquals(
    findStrictIssue(known.replace("}", ',"y":{}}').replace("userID", "z"))?.path,
    "z",
  );
});

Deno.test("findStrictIssue() shortens a long key and leaves no unpaired surrogate", () => {
  const key = `${"k".repeat(99)}\u{1f600}`;
  assertEquals(findStrictIssue(`{"${key}":1}`), {
    code: "unknown_key",
    path: `${"k".repeat(99)}\ufffd`,
    reason: "expected no key but userID, userId, timestamp, coordinates",
  });
});
