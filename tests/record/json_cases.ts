import { type Bytes, ENCODINGS, INVALID_NUMBERS } from "./json_texts.ts";
import {
  bytesOf,
  NOTE,
  type Outcome,
  RECORD,
  record,
  type RecordCase,
  ROW,
} from "./record_cases.ts";

// The classes of Nicolas Seriot's JSONTestSuite (https://github.com/nst/JSONTestSuite), as cases of this program. A text
// is rarely a record, so most of them are the value of an extra key of a valid record: stored means that they parse.

/** A JSON text, whether a parser must accept it, and its outcome as a record. */
export interface JsonCase extends RecordCase {
  class: "must parse" | "must not parse" | "may parse";
}

/** Parse anywhere: a row each. */
const GOOD: [name: string, text: Bytes][] = [
  ["zero", "0"],
  ["minus zero", "-0"],
  ["minus zero with a fraction", "-0.0"],
  ["an integer", "123"],
  ["a negative integer", "-123"],
  ["a fraction", "123.456789"],
  ["a fraction of zeros", "1.000"],
  ["a number next to zero", `-0.${"0".repeat(77)}1`],
  ["a long number", "1".repeat(100)],
  ["zero with an exponent", "0e1"],
  ["zero with a signed exponent", "0e+1"],
  ["an exponent", "123e45"],
  ["a capital exponent", "1E22"],
  ["a negative exponent", "1e-2"],
  ["a capital negative exponent", "1E-2"],
  ["a positive exponent", "1E+2"],
  ["a fraction and an exponent", "123.456e78"],
  ["an exponent that begins with zero", "1e007"],
  ["spaces around a number", " 4 "],
  ["true", "true"],
  ["false", "false"],
  ["null", "null"],
  ["an empty text", '""'],
  ["a text", '"abc"'],
  ["every short escape", '"\\"\\\\\\/\\b\\f\\n\\r\\t"'],
  ["an escape of four digits", '"\\u0060\\u012a\\u12AB"'],
  ["an escaped zero character", '"\\u0000"'],
  ["an escaped control character", '"\\u001f"'],
  ["an escaped backslash before u", '"\\\\u0000"'],
  ["two backslashes at the end", '"a\\\\"'],
  ["an escaped pair of surrogates", '"\\ud834\\udd1e"'],
  ["two escaped pairs", '"\\ud83d\\ude39\\ud83d\\udc8d"'],
  ["an escaped last character of Unicode", '"\\uDBFF\\uDFFF"'],
  ["escaped noncharacters", '"\\uFFFE\\uFFFF\\uFDD0"'],
  ["an escaped byte order mark", '"\\uFEFF"'],
  ["escaped line separators", '"\\u2028\\u2029"'],
  ["a character of two bytes", '"é"'],
  ["a character of three bytes", '"€"'],
  ["a character of four bytes", '"𝄞"'],
  ["the last character of two bytes", ['"', 0xdf, 0xbf, '"']],
  ["the last character before the surrogates", ['"', 0xed, 0x9f, 0xbf, '"']],
  ["the first character after the surrogates", ['"', 0xee, 0x80, 0x80, '"']],
  ["the last character of Unicode", ['"', 0xf4, 0x8f, 0xbf, 0xbf, '"']],
  ["a noncharacter", '"\uffff"'],
  ["line separators", '"\u2028\u2029"'],
  ["a no-break space in a text", '"\u00a0"'],
  ["a byte order mark in a text", '"\ufeff"'],
  ["a delete character", '"\u007f"'],
  ["a comment in a text", '"a/*b*/c//d#e"'],
  ["brackets in a text", '"[{"'],
  ["a text of 10 000 characters", `"${"ab".repeat(5000)}"`],
  ["an empty array", "[]"],
  ["an empty array with spaces", "[ \t\r\n ]"],
  ["an array", '[null, 1, "1", {}]'],
  ["arrays in arrays", "[[[]],[[],[]]]"],
  ["an empty object", "{}"],
  ["an object", '{"a":"b","c":[1,2]}'],
  ["an empty key", '{"":0}'],
  ["a key twice", '{"a":1,"a":2}'],
  ["a key and value twice", '{"a":1,"a":1}'],
  ["a key with an escaped zero character", '{"foo\\u0000bar":42}'],
  ["a long key and value", `{"${"x".repeat(40)}":[{"id":"${"x".repeat(40)}"}]}`],
  ["line breaks in an object", '{\r\n\t"a" \n:\n 1\n}\n'],
  ["1 000 empty arrays side by side", `[${Array(1000).fill("[]").join()}]`],
  ["62 levels more", "[".repeat(62) + "]".repeat(62)],
];

/** Texts that parse; the schema decides. */
const JUDGED: [name: string, text: Bytes, outcome: Outcome][] = [
  ["space around a record", `\t\r\n ${RECORD}\n`, ROW],
  ["space in a record", RECORD.replace(/[{}[\]:,]/g, " $&\n"), ROW],
  ["an escaped key", RECORD.replace("userID", "user\\u0049D"), ROW],
  [
    "keys in another order",
    '{"coordinates":[60.25,24.5],"timestamp":1732431234.5,"userID":7}',
    ROW,
  ],
  ["a user with a fraction of zero", record({ userID: "7.0" }), ROW],
  ["a user with an exponent", record({ userID: "70e-1" }), ROW],
  ["a whole time", record({ timestamp: "1732431234" }), [7, 1732431234, 60.25, 24.5]],
  ["a time with an exponent", record({ timestamp: "1.7324312345E9" }), ROW],
  ["whole coordinates", record({ coordinates: "[60,-24]" }), [7, 1732431234.5, 60, -24]],
  ["tiny coordinates", record({ coordinates: "[1e-7,-1E-07]" }), [7, 1732431234.5, 1e-7, -1e-7]],
  [
    "coordinates with zeros after",
    record({ coordinates: "[60.2500000000000000000000000,24.50]" }),
    ROW,
  ],
  [
    "an empty object alone",
    "{}",
    no("userID", "expected an integer from -2147483648 to 2147483647, found nothing"),
  ],
  ["an empty array alone", "[]", no("", "expected an object, found []")],
  ["a number alone", "42", no("", "expected an object, found 42")],
  ["a negative number alone", "-0.10", no("", "expected an object, found -0.10")],
  ["a text alone", '"asd"', no("", 'expected an object, found "asd"')],
  ["an empty text alone", '""', no("", 'expected an object, found ""')],
  ["true alone", "true", no("", "expected an object, found true")],
  ["false alone", "false", no("", "expected an object, found false")],
  ["null alone", "null", no("", "expected an object, found null")],
  ["an array with a line break after", '["a"]\n', no("", 'expected an object, found ["a"]')],
];

/** The value of an extra key: what was expected, and its position in the text. */
const BAD: [name: string, text: string, expected: string, at: number][] = [
  ...INVALID_NUMBERS,
  ["a capital true", "True", "a value", 0],
  ["half a true", "tru", "a value", 0],
  ["half a false", "fals", "a value", 0],
  ["half a null", "nul", "a value", 0],
  ["more than null", "nulll", '"," or "}"', 4],
  ["undefined", "undefined", "a value", 0],
  ["a bare word", "foo", "a value", 0],
  ["single quotes", "'abc'", "a value", 0],
  ["typographic quotes", "“abc”", "a value", 0],
  ["backquotes", "`abc`", "a value", 0],
  ["an escaped quote outside", '\\"x"', "a value", 0],
  ["an unknown escape", '"\\a"', "an escape", 2],
  ["an escape with x", '"\\x00"', "an escape", 2],
  ["an escaped single quote", '"\\\'"', "an escape", 2],
  ["an escaped line break", '"a\\\nb"', "an escape", 3],
  ["an escaped emoji", '"\\🌀"', "an escape", 2],
  ["an escape of three digits", '"\\u00A"', "an escape", 2],
  ["an escape with a letter", '"\\u00gg"', "an escape", 2],
  ["an escape with a space", '"\\u 041"', "an escape", 2],
  ["an escape with a capital U", '"\\U00410041"', "an escape", 2],
  ["half of a second escape", '"\\ud834\\udd"', "an escape", 8],
  ["a line break in a text", '"a\nb"', "no bare control character", 2],
  ["a tab in a text", '"\t"', "no bare control character", 1],
  ["a zero character in a text", '"a\0a"', "no bare control character", 2],
  ["the last control character in a text", '"\u001f"', "no bare control character", 1],
  ["a quote in a text", '"a"b"', '"," or "}"', 3],
  ["a trailing comma in an array", "[1,]", "a value", 3],
  ["a comma alone in an array", "[,]", "a value", 1],
  ["a leading comma in an array", "[,1]", "a value", 1],
  ["two commas in an array", "[1,,2]", "a value", 3],
  ["no comma in an array", '[1 "a"]', '"," or "]"', 3],
  ["no comma between arrays", "[[] []]", '"," or "]"', 4],
  ["a semicolon in an array", "[1;2]", '"," or "]"', 2],
  ["a colon in an array", '["":1]', '"," or "]"', 3],
  ["an array closed by a brace", "[1}", '"," or "]"', 2],
  ["an array never closed", "[1", '"," or "]"', 2],
  ["an array closed twice", "[1]]", '"," or "}"', 3],
  ["a star in an array", "[*]", "a value", 1],
  ["a trailing comma in an object", '{"a":1,}', "a key in double quotes", 7],
  ["two commas in an object", '{"a":1,,"b":2}', "a key in double quotes", 7],
  ["no colon", '{"a" 1}', '":"', 5],
  ["a comma for a colon", '{"a",1}', '":"', 4],
  ["an equals sign for a colon", '{"a"=1}', '":"', 4],
  ["two colons", '{"a"::1}', "a value", 5],
  ["two values", '{"a":1 2}', '"," or "}"', 7],
  ["no value", '{"a":}', "a value", 5],
  ["a key alone", '{"a"}', '":"', 4],
  ["no key", "{:1}", "a key in double quotes", 1],
  ["a number as key", "{1:1}", "a key in double quotes", 1],
  ["null as key", "{null:1}", "a key in double quotes", 1],
  ["a bare key", "{a:1}", "a key in double quotes", 1],
  ["a key in single quotes", "{'a':1}", "a key in double quotes", 1],
  ["an emoji as key", "{🇨🇭}", "a key in double quotes", 1],
  ["an object closed by a bracket", '{"a":1]', '"," or "}"', 6],
  ["a comment of C", "1/* one */", '"," or "}"', 1],
  ["a comment of C++", "1// one\n", '"," or "}"', 1],
  ["a comment of a shell", "1# one\n", '"," or "}"', 1],
  ["a form feed as space", "\f1", "a value", 0],
  ["a vertical tab as space", "\v1", "a value", 0],
  ["a no-break space as space", "\u00a01", "a value", 0],
  ["a word joiner as space", "[\u2060]", "a value", 1],
  ["a byte order mark as space", "\ufeff1", "a value", 0],
  ["a zero character as space", "[1\0]", '"," or "]"', 2],
  ["a template", "<null>", "a value", 0],
];

/** Complete records. */
const BAD_WHOLE: [name: string, text: string, expected: string, at: number][] = [
  ["nothing", "", "a value", 0],
  ["a space", " ", "a value", 1],
  ["a byte order mark alone", "\ufeff", "a value", 0],
  ["two byte order marks", "\ufeff\ufeff{}", "a value", 0],
  ["a byte order mark at the end", RECORD + "\ufeff", "the end", 64],
  ["a zero character at the end", RECORD + "\0", "the end", 64],
  ["a zero character alone", "\0", "a value", 0],
  ["three zero characters in brackets", "[\0\0\0]", "a value", 1],
  ["two records", RECORD + RECORD, "the end", 64],
  ["two records in lines", `${RECORD}\n${RECORD}`, "the end", 65],
  ["a comma at the end", RECORD + ",", "the end", 64],
  ["a brace at the end", RECORD + "}", "the end", 64],
  ["a comment at the end", RECORD + "//", "the end", 64],
  ["no brace at the end", RECORD.slice(0, -1), '"," or "}"', 63],
  ["no bracket at the end", RECORD.slice(0, -2), '"," or "]"', 62],
  ["no brace at the start", RECORD.slice(1), "the end", 8],
  ["a bracket alone", "[", "a value", 1],
  ["a closing bracket alone", "]", "a value", 0],
  ["a brace alone", "{", "a key in double quotes", 1],
  ["a quote alone", '"', "a closing quote", 1],
  ["a backslash at the end", '"\\', "an escape", 2],
  ["a text never closed", '{"userID', "a closing quote", 8],
  ["a member without braces", '"userID":7', "the end", 8],
  ["parentheses", `(${RECORD})`, "a value", 0],
  ["XML", "<record/>", "a value", 0],
  ["CSV", "7,1732431234.5,60.25,24.5", "the end", 1],
];

/** Texts where RFC 8259 leaves a choice: these are the choices of this program. */
const FREE: [name: string, text: Bytes, outcome: Outcome][] = [
  ["a number too large", noteText("[1e400,-1e400,123123e100000]"), ROW],
  ["a number too small", noteText("123e-10000000"), ROW],
  ["an exponent of 100 digits", noteText(`0.4e006${"9".repeat(100)}`), ROW],
  ["an integer too large for a double", noteText("-100000000000000000000"), ROW],
  ["a time too small", record({ timestamp: "1e-400" }), [7, 0, 60.25, 24.5]],
  ["a time below zero by too little", record({ timestamp: "-1e-400" }), [7, 0, 60.25, 24.5]],
  ["the smallest double", record({ coordinates: "[4.9e-324,24.5]" }), [
    7,
    1732431234.5,
    5e-324,
    24.5,
  ]],
  ["a user rounded to an integer", record({ userID: "7.00000000000000000000001" }), ROW],
  ["a latitude rounded to the pole", record({ coordinates: "[90.000000000000001,24.5]" }), [
    7,
    1732431234.5,
    90,
    24.5,
  ]],
  [
    "a time rounded to the year 10000",
    record({ timestamp: "253402300799.99999999" }),
    no(
      "timestamp",
      "expected seconds since 1970 from 0 to below 253402300800, found 253402300799.99999999",
    ),
  ],
  // Halfway between two doubles, a digit below and a digit above: to even, down, up.
  [
    "a tie",
    record({ coordinates: "[1.00000000000000011102230246251565404236316680908203125,24.5]" }),
    [7, 1732431234.5, 1, 24.5],
  ],
  [
    "below a tie",
    record({ coordinates: "[1.00000000000000011102230246251565404236316680908203124,24.5]" }),
    [7, 1732431234.5, 1, 24.5],
  ],
  [
    "above a tie",
    record({ coordinates: "[1.00000000000000011102230246251565404236316680908203126,24.5]" }),
    [7, 1732431234.5, 1.0000000000000002, 24.5],
  ],
  ["2^53 and one, in decimals", record({ coordinates: "[9.007199254740993,24.5]" }), [
    7,
    1732431234.5,
    9.007199254740993,
    24.5,
  ]],
  ["half a pair of surrogates, escaped", noteText('"\\ud800"'), ROW],
  ["the other half alone, escaped", noteText('"\\uDFAA"'), ROW],
  ["a pair in reverse, escaped", noteText('"\\uDd1e\\uD834"'), ROW],
  ["half a pair before a letter, escaped", noteText('"\\ud800abc"'), ROW],
  ["half a pair twice, escaped", noteText('"\\uD800\\uD800\\n"'), ROW],
  ["half a pair in a key, escaped", noteText('{"\\uDFAA":0}'), ROW],
  ["one byte order mark", "\ufeff" + RECORD, ROW],
  ["63 levels more", noteText("[".repeat(63) + "]".repeat(63)), ROW],
  ["64 levels more", noteText("[".repeat(64) + "]".repeat(64)), deep()],
  ["500 levels", "[".repeat(500) + "]".repeat(500), deep()],
  ["100 000 brackets", "[".repeat(100_000), deep()],
  ["50 000 braces and brackets", '[{"":'.repeat(50_000), deep()],
  ["more closed than opened, then too many", "]".repeat(100) + "[".repeat(100), at("a value", 0)],
  ...ENCODINGS,
];

/** All cases. */
export const jsonCases: JsonCase[] = [
  ...GOOD.map(([name, text]) => of("must parse", name, [NOTE, text, "}"].flat(), ROW)),
  ...JUDGED.map(([name, text, outcome]) => of("must parse", name, text, outcome)),
  ...BAD.map(([name, text, expected, offset]) =>
    of("must not parse", name, noteText(text), at(expected, NOTE.length + offset))
  ),
  ...BAD_WHOLE.map(([name, text, expected, offset]) =>
    of("must not parse", `${name}, as a whole`, text, at(expected, offset))
  ),
  ...FREE.map(([name, text, outcome]) => of("may parse", name, text, outcome)),
];

function of(group: JsonCase["class"], name: string, text: Bytes, outcome: Outcome): JsonCase {
  return { class: group, name, value: bytesOf(...[text].flat()), outcome };
}

function noteText(text: string): string {
  return `${NOTE}${text}}`;
}

function at(expected: string, position: number): Outcome {
  const reason = `expected ${expected} at position ${position}, found `;
  return { code: "json_syntax", path: "", reason };
}

function no(path: string, reason: string): Outcome {
  return { code: "schema", path, reason };
}

function deep(): Outcome {
  return { code: "depth", path: "", reason: "expected at most 64 levels, found more" };
}
