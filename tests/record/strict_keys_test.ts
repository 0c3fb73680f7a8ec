import { assertEquals } from "@std/assert";
import { validate } from "../../src/record/validate.ts";
import { findStrictFault } from "../../src/record/strict_keys.ts";

const GOOD = '"timestamp":1.5,"coordinates":[60.5,25.5]';
const encoder = new TextEncoder();

/** What a strict look and a look of every day make of a value. */
function judge(value: string): [strict: string, plain: string] {
  const message = { offset: "0", timestamp: "0", key: null, value: encoder.encode(value) };
  const [strict, plain] = [true, false].map((strict) => {
    const [reject] = validate([message], { strict }).rejects;
    return reject ? `${reject.code} ${reject.path}` : "good";
  });
  return [strict!, plain!];
}

Deno.test("sift() rejects unknown and repeated keys when it is strict, and only then", () => {
  const cases: [value: string, strict: string][] = [
    [`{"userID":7,${GOOD}}`, "good"],
    [`{"userId":7,${GOOD}}`, "good"],
    [` {"timestamp":1.5,"userID" : 7 , "coordinates":[60.5,25.5]}`, "good"],
    [`{"userID":7,${GOOD},"speed":3}`, "unknown_key speed"],
    [`{"userID":7,"userID":7,${GOOD}}`, "duplicate_key userID"],
    // The same key, spelled otherwise.
    [`{"userID":7,"user\\u0049D":8,${GOOD}}`, "duplicate_key userID"],
    [`{"userid":7,"userID":7,${GOOD}}`, "unknown_key userid"],
    [`{"__proto__":{},"userID":7,${GOOD}}`, "unknown_key __proto__"],
    [`{"":0,"userID":7,${GOOD}}`, "unknown_key "],
    [`{"a":"\\"b\\":","userID":7,${GOOD}}`, "unknown_key a"],
  ];
  for (const [value, strict] of cases) assertEquals(judge(value), [strict, "good"], value);
});

Deno.test("sift() tells of other faults first, strict or not", () => {
  for (const value of ["{", '{"userID":7,"x":1}', `{"userID":7,"userId":7,${GOOD}}`]) {
    const [strict, plain] = judge(value);
    assertEquals(strict, plain);
  }
});

Deno.test("findStrictFault() looks at the outermost keys alone, and not into texts", () => {
  const known = '{"userID":{"x":1,"x":2},"timestamp":["a",{"b":1}],"coordinates":"{\\"c\\":1}"}';
  assertEquals(findStrictFault(known), null);
  assertEquals(findStrictFault(known.replace("}", ',"y":{}}').replace("userID", "z"))?.path, "z");
});

Deno.test("findStrictFault() cuts a long key, and leaves no half of a character", () => {
  const key = `${"k".repeat(99)}\u{1f600}`;
  assertEquals(findStrictFault(`{"${key}":1}`), {
    code: "unknown_key",
    path: `${"k".repeat(99)}\ufffd`,
    reason: "expected no key but userID, userId, timestamp, coordinates",
  });
});
