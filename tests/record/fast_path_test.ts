import { assert, assertEquals } from "@std/assert";
import { encodePoint, parsePoint, type Point } from "../../src/record/point.ts";
import { readPoint } from "../../src/record/fast_path.ts";
import { jsonCases } from "./json_cases.ts";
import { type Draw, drawFrom, mutate, pick } from "../fakes/random.ts";
import { RECORD } from "./record_cases.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** The slow path: decoder, parser and schema; null when one of them refuses. */
function readSlowly(bytes: Uint8Array): Point | null {
  try {
    const parsed = parsePoint(JSON.parse(decoder.decode(bytes)));
    return parsed.ok ? parsed.point : null;
  } catch {
    return null;
  }
}

/** Fails unless the fast path returns null or the same point as the slow path. Returns whether it returned a point. */
function assertSame(bytes: Uint8Array): boolean {
  const quick = readPoint(bytes);
  if (quick === null) return false;
  const slow = readSlowly(bytes);
  if (!slow) throw new Error(`accepted an invalid record: ${new TextDecoder().decode(bytes)}`);
  numbersOf(quick).forEach((number, i) =>
    assert(Object.is(number, numbersOf(slow)[i]), new TextDecoder().decode(bytes))
  );
  return true;
}

function numbersOf({ userID, timestamp, coordinates }: Point): number[] {
  return [userID, timestamp, ...coordinates];
}

/** A record in the form of this program or of Python's json.dumps(). */
function write(draw: Draw, [userID, ...rest]: [string, string, string, string]): string {
  const [timestamp, latitude, longitude] = rest;
  const user = pick(draw, ["userID", "userId"]);
  const text =
    `{"${user}": ${userID}, "timestamp": ${timestamp}, "coordinates": [${latitude}, ${longitude}]}`;
  return draw(2) ? text : text.replaceAll(" ", "");
}

/** A decimal number with up to `whole` and `decimals` digits. */
function digits(draw: Draw, whole: number, decimals: number): string {
  const some = (count: number) => Array.from({ length: count }, () => draw(10)).join("");
  return (draw(2) ? "-" : "") + some(1 + draw(whole)).replace(/^0+(?=\d)/, "") +
    (draw(4) ? `.${some(1 + draw(decimals))}` : "");
}

Deno.test("readPoint() reads what encodePoint() writes, exact to the last bit", () => {
  const draw = drawFrom(1);
  const unit = () => (draw(2 ** 32) + draw(2 ** 21) / 2 ** 21) / 2 ** 32;
  for (let i = 0; i < 5_000; i++) {
    const exact: [number, number] = [unit() * 180 - 90, unit() * 360 - 180];
    const rounded: [number, number] = [Math.round(exact[0] * 1e7) / 1e7, Math.round(exact[1])];
    const point: Point = {
      userID: draw(2 ** 32) - 2 ** 31,
      timestamp: draw(2) ? draw(2 ** 31) + draw(1000) / 1000 : unit() * 253_402_300_800,
      coordinates: draw(2) ? exact : rounded,
    };
    const text = encodePoint(point);
    if (!/\de/.test(text)) assertEquals(readPoint(encoder.encode(text)), point, text);
  }
});

Deno.test("readPoint() leaves an exponent to the parser", () => {
  const text = encodePoint({ userID: 7, timestamp: 1.5, coordinates: [1e-7, 0] });
  assertEquals(readPoint(encoder.encode(text)), null);
  assertEquals(readSlowly(encoder.encode(text))?.coordinates, [1e-7, 0]);
});

Deno.test("readPoint() reads 30 000 numbers of any length as JSON.parse() does", () => {
  const draw = drawFrom(2);
  let taken = 0;
  for (let i = 0; i < 10_000; i++) {
    const numbers: [string, string, string, string] = [
      digits(draw, 10, 1).replace(/\..*/, draw(4) ? "" : ".0"),
      digits(draw, 12, 25).replace("-", ""),
      digits(draw, 2, 30),
      digits(draw, 2, 30),
    ];
    if (assertSame(encoder.encode(write(draw, numbers)))) taken++;
  }
  assert(taken > 5_000, `only ${taken} of 10 000 were taken`);
});

Deno.test("readPoint() agrees with JSON.parse() on numbers just too long for an exact division", () => {
  const draw = drawFrom(3);
  let taken = 0;
  for (let i = 0; i < 20_000; i++) {
    const near = 2n ** 53n + BigInt(draw(9) - 4);
    const digits = String(pick(draw, [near, near / 10n, BigInt(draw(2 ** 32)) ** 2n % 2n ** 56n]));
    const decimals = 4 + draw(30);
    const padded = digits.padStart(decimals + 1, "0");
    const number = `${padded.slice(0, -decimals)}.${padded.slice(-decimals)}`;
    if (assertSame(encoder.encode(write(draw, ["7", number, "0", "0"])))) taken++;
    if (assertSame(encoder.encode(write(draw, ["7", "0", "0", `-${number}`])))) taken++;
  }
  assert(taken > 30_000, `only ${taken} of 40 000 were taken`);
});

Deno.test("readPoint() accepts none of 60 000 mutated records that the slow path refuses", () => {
  const draw = drawFrom(4);
  let taken = 0;
  for (let i = 0; i < 60_000; i++) {
    const text = write(draw, [
      digits(draw, 9, 1).replace(/\..*/, ""),
      digits(draw, 11, 4).replace("-", ""),
      digits(draw, 1, 9),
      digits(draw, 2, 16),
    ]);
    if (assertSame(encoder.encode(mutate(draw, text)))) taken++;
  }
  assert(taken > 3_000 && taken < 57_000, `${taken} were taken: too few cases were tried`);
});

Deno.test("readPoint() accepts no record with a changed byte that the slow path refuses", () => {
  const whole = encoder.encode(RECORD);
  for (let at = 0; at < whole.length; at++) {
    for (let byte = 0; byte < 256; byte++) assertSame(whole.with(at, byte));
    assertEquals(readPoint(whole.subarray(0, at)), null);
  }
});

Deno.test("readPoint() accepts no case of the table that the slow path refuses", () => {
  for (const { value } of jsonCases) assertSame(value!);
});

const ends: [name: string, numbers: [string, string, string, string], taken: boolean][] = [
  ["the lower bounds", ["-2147483648", "0", "-90", "-180"], true],
  ["the upper bounds", ["2147483647", "253402300799.9999", "90.0", "180.000"], true],
  ["minus zero", ["-0", "-0.0", "-0", "-0.00"], true],
  ["a user too large", ["2147483648", "0", "0", "0"], false],
  ["a user too small", ["-2147483649", "0", "0", "0"], false],
  ["a user with a fraction", ["1.5", "0", "0", "0"], false],
  ["the year 10000", ["0", "253402300800", "0", "0"], false],
  ["a time before 1970", ["0", "-0.1", "0", "0"], false],
  ["a latitude too large", ["0", "0", "90.00000000000002", "0"], false],
  ["a longitude too small", ["0", "0", "0", "-180.00000000000003"], false],
  ["a number of 400 digits", ["9".repeat(400), "0", "0", "0"], false],
];

for (const [name, numbers, taken] of ends) {
  Deno.test(`readPoint() ${taken ? "takes" : "leaves"} ${name}`, () => {
    const draw = drawFrom(5);
    for (let i = 0; i < 8; i++) {
      assertEquals(assertSame(encoder.encode(write(draw, numbers))), taken);
    }
  });
}
