import { assert, assertEquals } from "@std/assert";
import type { Message, Reject } from "../../src/record/validate.ts";

/** The outcome of a value: the four numbers of a row, a reject (`reason`: its beginning), or a tombstone. */
export type Outcome =
  | [userID: number, timestamp: number, latitude: number, longitude: number]
  | { code: Reject["code"]; path: string; reason: string }
  | "tombstone";

/** A record and its outcome. */
export interface RecordCase {
  name: string;
  value: Uint8Array | null;
  key?: Uint8Array;
  headers?: NonNullable<Message["headers"]>;
  outcome: Outcome;
}

/** Fails unless the outcome is the expected one. */
export function assertOutcome(actual: Outcome, expected: Outcome): void {
  if (isReject(actual) && isReject(expected)) {
    const { code, path } = expected;
    assertEquals({ code: actual.code, path: actual.path }, { code, path });
    assert(actual.reason.startsWith(expected.reason), `${actual.reason}, not ${expected.reason}`);
    assert(actual.reason.length <= 200 && actual.reason.isWellFormed(), actual.reason);
  } else {
    assertEquals(actual, expected);
  }
}

function isReject(outcome: Outcome): outcome is Extract<Outcome, { code: unknown }> {
  return typeof outcome === "object" && "code" in outcome;
}

/** Text as UTF-8, numbers as single bytes. */
export function bytesOf(...parts: (string | number)[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  return Uint8Array.from(
    parts.flatMap((part) => typeof part === "number" ? [part] : [...encoder.encode(part)]),
  );
}

/** The row of every valid record below, unless its case has another. */
export const ROW: Outcome = [7, 1732431234.5, 60.25, 24.5];
export const RECORD = `{"userID":7,"timestamp":1732431234.5,"coordinates":[60.25,24.5]}`;

/** The beginning of a record with an extra key: a JSON text and a brace complete it. */
export const NOTE = RECORD.slice(0, -1) + ',"note":';

const parts = { userID: "7", timestamp: "1732431234.5", coordinates: "[60.25,24.5]" };

/** The record with the JSON of some fields replaced. */
export function record(other: Partial<typeof parts>): string {
  const members = Object.entries({ ...parts, ...other });
  return `{${members.map(([key, json]) => `"${key}":${json}`).join()}}`;
}

/** ASCII as UTF-16 or UTF-32, without a byte order mark. */
export function wide(text: string, size: 2 | 4, first: "low" | "high"): Uint8Array<ArrayBuffer> {
  const zeros = Array<number>(size - 1).fill(0);
  return Uint8Array.from(
    [...text].flatMap((char) => {
      const code = char.charCodeAt(0);
      return first === "low" ? [code, ...zeros] : [...zeros, code];
    }),
  );
}

const MIB = 1_048_576;
const rows: [name: string, value: string, outcome?: Outcome][] = [
  ["as this program writes it", RECORD],
  [
    "as the original program writes it",
    '{"userId": 7, "timestamp": 1732431234.5678945, "coordinates": [60.16991234567891, 24.938]}',
    [7, 1732431234.5678945, 60.16991234567891, 24.938],
  ],
  ["one byte order mark", "\ufeff" + RECORD],
  ["minus zero", '{"userID":-0,"timestamp":-0.0,"coordinates":[-0,-0e5]}', [0, 0, 0, 0]],
  [
    "the lower ends",
    '{"userID":-2147483648,"timestamp":0,"coordinates":[-90,-180]}',
    [-2147483648, 0, -90, -180],
  ],
  [
    "the upper ends",
    '{"userID":2147483647,"timestamp":253402300799.9999,"coordinates":[90,180]}',
    [2147483647, 253402300799.9999, 90, 180],
  ],
  ["a key twice: the last wins", RECORD.replace("7", '"x","userID":7')],
  ["__proto__", NOTE + '1,"__proto__":{"polluted":1,"userID":8}}'],
  ["constructor", NOTE + '1,"constructor":{"prototype":{"polluted":1}}}'],
  ["unknown keys", NOTE + '"x","speed":[1,{}]}'],
  ["64 levels", `${NOTE}${"[".repeat(63)}${"]".repeat(63)}}`],
  ["brackets in a text", `${NOTE}"${"[{".repeat(100)}\\"${"[".repeat(100)}"}`],
  ["a value of 1 MiB", RECORD.padEnd(MIB)],
  ["quotes, $1, a terminal's escape, a mark of direction", NOTE + `"'$1\\"\\u001b[31m\u202e"}`],
];

type Rejected = [name: string, value: string | Uint8Array, reason: string];

const syntax: Rejected[] = [
  ["nothing", "", "expected a value at position 0, found the end"],
  ["spaces only", "   ", "expected a value at position 3, found the end"],
  ["NaN", NOTE + "NaN}", 'expected a value at position 71, found "NaN}"'],
  ["Infinity", NOTE + "-Infinity}", 'expected a digit at position 72, found "Infinity}"'],
  ["a comment", NOTE + "1/**/}", 'expected "," or "}" at position 72, found "/**/}"'],
  ["a trailing comma", NOTE + "1,}", 'expected a key in double quotes at position 73, found "}"'],
  ["trailing garbage", RECORD + "x", 'expected the end at position 64, found "x"'],
  ["single quotes", "{'a':1}", "expected a key in double quotes at position 1, found \"'a':1}\""],
  ["two byte order marks", "\ufeff\ufeff{}", "expected a value at position 0, found U+FEFF"],
];

const OTHER_BYTES = "expected UTF-8, found other bytes";
const WIDE = "expected UTF-8, found UTF-16 or UTF-32";

const utf8: Rejected[] = [
  ["a stray byte", bytesOf(NOTE, '"', 0xff, '"}'), OTHER_BYTES],
  ["an overlong form", bytesOf(NOTE, '"', 0xc0, 0xaf, '"}'), OTHER_BYTES],
  ["a raw surrogate", bytesOf(NOTE, '"', 0xed, 0xa0, 0x80, '"}'), OTHER_BYTES],
  ["UTF-16 with its mark", bytesOf(0xff, 0xfe, ...wide(RECORD, 2, "low")), OTHER_BYTES],
  ["UTF-16 without a mark", wide(RECORD, 2, "low"), WIDE],
  ["UTF-16 without a mark, high byte first", wide(RECORD, 2, "high"), WIDE],
  ["UTF-32 without a mark", wide(RECORD, 4, "low"), WIDE],
];

const expected: Record<string, string> = {
  "": "expected an object, found ",
  "userID": "expected an integer from -2147483648 to 2147483647, found ",
  "userId": "expected an integer from -2147483648 to 2147483647, found ",
  "timestamp": "expected seconds since 1970 from 0 to below 253402300800, found ",
  "coordinates": "expected an array of latitude and longitude, found ",
  "coordinates[0]": "expected a latitude from -90 to 90, found ",
  "coordinates[1]": "expected a longitude from -180 to 180, found ",
  "coordinates[2]": "expected no third coordinate, found ",
};

/** The replacement of a field, the path of the fault, and what the reason quotes. */
const schema: [
  name: string,
  field: keyof typeof parts,
  json: string,
  path: string,
  found?: string,
][] = [
  ["a user beyond 2^53", "userID", "9007199254740993", "userID"],
  ["a user beyond -2^53", "userID", "-9007199254740993", "userID"],
  ["a user above int4", "userID", "2147483648", "userID"],
  ["a user below int4", "userID", "-2147483649", "userID"],
  ["1e400 as user", "userID", "1e400", "userID"],
  ["a user with a fraction", "userID", "7.50", "userID"],
  ["a user as text", "userID", '"7"', "userID"],
  ["a user as boolean", "userID", "true", "userID"],
  ["a user as null", "userID", "null", "userID"],
  ["a user as array", "userID", "[7.0,1E2]", "userID"],
  ["a time as text", "timestamp", '"2024-11-24T06:53:54Z"', "timestamp"],
  ["a time before 1970", "timestamp", "-0.0010", "timestamp"],
  ["a time in milliseconds", "timestamp", "1732431234567", "timestamp"],
  ["the year 10000", "timestamp", "253402300800", "timestamp"],
  ["1e400 as time", "timestamp", "1e400", "timestamp"],
  ["a place as object", "coordinates", '{"lat":1.50,"lon":2}', "coordinates"],
  ["a place as null", "coordinates", "null", "coordinates"],
  ["no coordinates", "coordinates", "[]", "coordinates[0]", "nothing"],
  ["one coordinate", "coordinates", "[60.25]", "coordinates[1]", "nothing"],
  ["three coordinates", "coordinates", "[60.25,24.5,12.0]", "coordinates[2]", "12.0"],
  ["a latitude beyond the pole", "coordinates", "[90.00000010,0]", "coordinates[0]", "90.00000010"],
  ["a latitude beyond a double", "coordinates", "[-1E400,0]", "coordinates[0]", "-1E400"],
  ["a latitude as text", "coordinates", '["60.25",24.5]', "coordinates[0]", '"60.25"'],
  ["a longitude beyond 180", "coordinates", "[0,-180.50]", "coordinates[1]", "-180.50"],
  ["a longitude as null", "coordinates", "[60.25,null]", "coordinates[1]", "null"],
  ["quotes, $1, a terminal's escape", "userID", `"'$1\\"\\u001b[31m\u202e"`, "userID"],
  ["an escaped zero character", "userID", '"\\u0000"', "userID"],
  ["half a pair of surrogates", "userID", '"\\ud83d"', "userID"],
  ["a long text", "userID", quoted("x", 300), "userID", quoted("x", 140, "…")],
  ["a long text in pairs", "userID", quoted("🙂", 300), "userID", quoted("🙂", 70, "…")],
  [
    "a long text in pairs, cut between",
    "userID",
    quoted("x🙂", 100),
    "userID",
    quoted("x🙂", 46, "x…"),
  ],
];

const schemaWhole: [name: string, json: string, path: string, found: string][] = [
  ["no user", '{"timestamp":1,"coordinates":[2,3]}', "userID", "nothing"],
  ["no time", '{"userID":7,"coordinates":[2,3]}', "timestamp", "nothing"],
  ["no place", '{"userID":7,"timestamp":1}', "coordinates", "nothing"],
  ["a fault in the other spelling", RECORD.replace('ID":7', 'Id":2e10'), "userId", "2e10"],
  ["a record hidden in __proto__", `{"__proto__":${RECORD}}`, "userID", "nothing"],
  ["an array", "[7,1732431234.50]", "", "[7,1732431234.50]"],
  ["nothing but null", "null", "", "null"],
];

const DEPTH = "expected at most 64 levels, found more";

const depth: Rejected[] = [
  ["65 levels", `${NOTE}${"[".repeat(64)}${"]".repeat(64)}}`, DEPTH],
  ["brackets never closed", "[".repeat(100_000), DEPTH],
  ["braces never closed", '{"a":'.repeat(100_000), DEPTH],
];

const size: Rejected[] = [
  [
    "a value of 1 MiB and a byte",
    RECORD.padEnd(MIB + 1),
    "expected at most 1048576 bytes, found 1048577",
  ],
];

const zero = new Uint8Array();
const NO_OBJECT: Outcome = { code: "schema", path: "", reason: "expected an object, found []" };
const surroundings: RecordCase[] = [
  { name: "null", value: null, outcome: "tombstone" },
  { name: "a binary key", value: bytesOf(RECORD), key: bytesOf(0, 0xff, 0xfe), outcome: ROW },
  {
    name: "1 000 headers",
    value: bytesOf(RECORD),
    headers: Array.from({ length: 1_000 }, (_, i) => ({ key: `h${i}`, value: zero })),
    outcome: ROW,
  },
  {
    name: "a header name twice",
    value: bytesOf("[]"),
    headers: [{ key: "again", value: bytesOf("1") }, { key: "again", value: bytesOf(0xff) }],
    outcome: NO_OBJECT,
  },
  {
    name: "header names that every object has",
    value: bytesOf("[]"),
    headers: ["constructor", "__proto__", "toString"].map((key) => ({ key, value: bytesOf("1") })),
    outcome: NO_OBJECT,
  },
  {
    name: "headers empty, with a zero character, in other letters",
    value: bytesOf("[]"),
    headers: [
      { key: "", value: zero },
      { key: "zero\0", value: bytesOf("a\0b") },
      { key: "ключ🙂", value: bytesOf("значение🙂") },
    ],
    outcome: NO_OBJECT,
  },
  {
    name: "headers of 1 MiB",
    value: bytesOf(RECORD),
    key: bytesOf("7"),
    headers: [{ key: "h", value: new Uint8Array(MIB - 2) }],
    outcome: ROW,
  },
  {
    name: "headers of 1 MiB and a byte",
    value: bytesOf(RECORD),
    key: bytesOf("7"),
    headers: [{ key: "h", value: new Uint8Array(MIB - 2) }, { key: "h", value: zero }],
    outcome: {
      code: "size",
      path: "",
      reason: "expected at most 1048576 bytes of key and headers, found 1048577",
    },
  },
];

function quoted(text: string, times: number, end = '"'): string {
  return `"${text.repeat(times)}${end}`;
}

function toCase(name: string, value: string | Uint8Array, outcome: Outcome): RecordCase {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  return { name, value: bytes, outcome };
}

function rejects(code: Reject["code"], cases: Rejected[]): RecordCase[] {
  return cases.map(([name, value, reason]) => toCase(name, value, { code, path: "", reason }));
}

function faulty(path: string, found: string): Outcome {
  return { code: "schema", path, reason: expected[path] + found };
}

/** Every kind of input that a topic may contain, valid and invalid, with its outcome. */
export const recordCases: RecordCase[] = [
  ...rows.map(([name, value, outcome = ROW]) => toCase(name, value, outcome)),
  ...rejects("json_syntax", syntax),
  ...rejects("utf8", utf8),
  ...schema.map(([name, field, json, path, found = json]) =>
    toCase(name, record({ [field]: json }), faulty(path, found))
  ),
  ...schemaWhole.map(([name, json, path, found]) => toCase(name, json, faulty(path, found))),
  toCase("both spellings", RECORD.replace("{", '{"userId":7,'), {
    code: "schema",
    path: "userId",
    reason: "expected one of userID and userId, found both",
  }),
  ...rejects("depth", depth),
  ...rejects("size", size),
  ...surroundings,
];
