import { NOTE, type Outcome, RECORD, wide } from "./record_cases.ts";

/** Text as UTF-8, numbers as single bytes. */
export type Bytes = string | (string | number)[];

/** Invalid numbers and words: what was expected, and its position in the text. */
export const INVALID_NUMBERS: [name: string, text: string, expected: string, at: number][] = [
  ["a minus alone", "-", "a digit", 1],
  ["a minus before a space", "- 1", "a digit", 1],
  ["two minuses", "--1", "a digit", 1],
  ["a minus before a word", "-foo", "a digit", 1],
  ["a plus", "+1", "a value", 0],
  ["two pluses", "++1234", "a value", 0],
  ["a leading zero", "012", '"," or "}"', 1],
  ["two zeros", "00", '"," or "}"', 1],
  ["a leading zero after a minus", "-012", '"," or "}"', 2],
  ["no digit before the point", ".5", "a value", 0],
  ["no digit between minus and point", "-.5", "a digit", 1],
  ["no digit after the point", "1.", "a digit", 2],
  ["no digit after a negative point", "-2.", "a digit", 3],
  ["no digit between point and exponent", "2.e3", "a digit", 2],
  ["no digit between point and negative exponent", "2.e-3", "a digit", 2],
  ["two points", "0.1.2", '"," or "}"', 3],
  ["an exponent alone", "0e", "a digit", 2],
  ["a capital exponent alone", "0E", "a digit", 2],
  ["an exponent with a sign alone", "1.0e+", "a digit", 5],
  ["an exponent with a minus alone", "1.0e-", "a digit", 5],
  ["an exponent with two signs", "1e+-2", "a digit", 3],
  ["two exponents", "1eE2", "a digit", 2],
  ["an exponent with a fraction", "1e2.5", '"," or "}"', 3],
  ["a space in a number", "1 000", '"," or "}"', 2],
  ["a comma in a number", "1,000", "a key in double quotes", 2],
  ["an underscore in a number", "1_000", '"," or "}"', 1],
  ["a hexadecimal number", "0x42", '"," or "}"', 1],
  ["a big integer of JavaScript", "1n", '"," or "}"', 1],
  ["a sum", "1+2", '"," or "}"', 1],
  ["a letter after a number", "1.2a", '"," or "}"', 3],
  ["a wide digit", "１", "a value", 0],
  ["NaN", "NaN", "a value", 0],
  ["minus NaN", "-NaN", "a digit", 1],
  ["Infinity", "Infinity", "a value", 0],
  ["minus Infinity", "-Infinity", "a digit", 1],
];

/** Records in invalid UTF-8 or in other encodings. */
export const ENCODINGS: [name: string, text: Bytes, outcome: Outcome][] = [
  ["a byte that is never UTF-8", noteBytes(0xff), notUtf8()],
  ["a byte of Latin-1", noteBytes(0xe9), notUtf8()],
  ["a continuation alone", noteBytes(0x81), notUtf8()],
  ["two continuations", noteBytes(0xe0, 0xff), notUtf8()],
  ["a character cut short", noteBytes(0xe6, 0x97), notUtf8()],
  ["a character cut short at the end", ['"', 0xf0, 0x9f], notUtf8()],
  ["an overlong slash of two bytes", noteBytes(0xc0, 0xaf), notUtf8()],
  ["an overlong slash of six bytes", noteBytes(0xfc, 0x83, 0xbf, 0xbf, 0xbf, 0xbf), notUtf8()],
  ["an overlong zero character", noteBytes(0xc0, 0x80), notUtf8()],
  ["an overlong character of three bytes", noteBytes(0xe0, 0x80, 0xaf), notUtf8()],
  ["an overlong character of four bytes", noteBytes(0xf0, 0x80, 0x80, 0xaf), notUtf8()],
  ["a raw surrogate", noteBytes(0xed, 0xa0, 0x80), notUtf8()],
  ["a raw pair of surrogates", noteBytes(0xed, 0xa0, 0xb4, 0xed, 0xb4, 0x9e), notUtf8()],
  ["a character beyond Unicode", noteBytes(0xf4, 0x90, 0x80, 0x80), notUtf8()],
  ["a character far beyond Unicode", noteBytes(0xf7, 0xbf, 0xbf, 0xbf), notUtf8()],
  ["a bad byte outside of a text", [RECORD, 0xff], notUtf8()],
  ["a byte order mark cut short", [0xef, 0xbb, RECORD], notUtf8()],
  ["UTF-16 with its mark", [0xff, 0xfe, ...wide(RECORD, 2, "low")], notUtf8()],
  [
    "UTF-16 with its mark, high byte first",
    [0xfe, 0xff, ...wide(RECORD, 2, "high")],
    notUtf8(),
  ],
  ["UTF-16 without a mark", [...wide(RECORD, 2, "low")], wideText()],
  ["UTF-16 without a mark, high byte first", [...wide(RECORD, 2, "high")], wideText()],
  ["UTF-32 with its mark", [0xff, 0xfe, 0, 0, ...wide(RECORD, 4, "low")], notUtf8()],
  ["UTF-32 without a mark", [...wide(RECORD, 4, "low")], wideText()],
  [
    "UTF-32 without a mark, high byte first",
    [...wide(RECORD, 4, "high")],
    wideText(),
  ],
];

/** A record with these bytes in a string. */
function noteBytes(...bytes: number[]): Bytes {
  return [NOTE, '"', ...bytes, '"}'];
}

function notUtf8(): Outcome {
  return { code: "utf8", path: "", reason: "expected UTF-8, found other bytes" };
}

function wideText(): Outcome {
  return { code: "utf8", path: "", reason: "expected UTF-8, found UTF-16 or UTF-32" };
}
