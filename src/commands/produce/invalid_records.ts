import type { Point } from "../../record/point.ts";

/** A record that makes no row, labelled with the expected result: `<reject code>/<what is wrong>`, or `tombstone/null`. */
export interface InvalidRecord {
  label: string;
  value: string | Uint8Array | null;
  /** The value of the padding header; null for all flaws but one. */
  header: string | null;
}

/** The header with the label, so that rejects can be compared with what was sent. */
export const LABEL_HEADER = "routes-invalid";
/** The header of the one flaw that concerns the headers. */
export const PADDING_HEADER = "routes-padding";

/** How many of the first `index` records are invalid: an exact percentage, spread evenly. */
export function invalidBefore(index: number, percent: number): number {
  return Math.floor(index * Math.round(percent * 10_000) / 1_000_000);
}

/**
 * Makes an invalid record of the point. The kinds of flaw take turns; `before` is the number of invalid records so far.
 *
 * The two flaws of 1 MiB come first, so that a short run includes them, and then once in LIGHT_ROUNDS rounds of all
 * others, which keeps a long run small. They fit a broker's default `max.message.bytes` (1 MiB and 12 bytes a batch)
 * only when compressed; without `heavy` they are left out.
 */
export function makeInvalid(
  point: Point,
  before: number,
  { heavy }: { heavy: boolean },
): InvalidRecord {
  const heavyCount = heavy ? HEAVY.length : 0;
  const turn = before % (heavyCount + LIGHT_ROUNDS * LIGHT.length);
  const [label, damage] = turn < heavyCount
    ? HEAVY[turn]!
    : LIGHT[(turn - heavyCount) % LIGHT.length]!;
  const damaged = damage(point);
  return damaged === null || typeof damaged === "string" || damaged instanceof Uint8Array
    ? { label, value: damaged, header: null }
    : { label, ...damaged };
}

type Flaw = [
  label: string,
  damage: (point: Point) => string | Uint8Array | null | { value: string; header: string },
];

const LIGHT_ROUNDS = 16;
const MIB = 1_048_576;

const HEAVY: Flaw[] = [
  ["size/value", (p) => json(p) + " ".repeat(MIB)],
  ["size/headers", (p) => ({ value: json(p), header: "x".repeat(MIB) })],
];

const SYNTAX: Flaw[] = [
  ["json_syntax/trailing-comma", (p) => json(p).replace("}", ",}")],
  ["json_syntax/empty", () => ""],
  ["json_syntax/spaces", () => "   "],
  ["json_syntax/cut-short", (p) => json(p).slice(0, -2)],
  ["json_syntax/trailing-garbage", (p) => json(p) + "}"],
  ["json_syntax/single-quotes", (p) => json(p).replaceAll('"', "'")],
  ["json_syntax/unquoted-key", (p) => json(p).replace('"userID"', "userID")],
  ["json_syntax/comment", (p) => json(p).replace(",", ",/* fix */")],
  ["json_syntax/nan", (p) => json(p, { timestamp: "NaN" })],
  ["json_syntax/infinity", (p) => json(p, { coordinates: "[Infinity,-Infinity]" })],
  ["json_syntax/leading-zero", (p) => json(p, { userID: `0${p.userID}` })],
  ["json_syntax/second-bom", (p) => `\ufeff\ufeff${json(p)}`],
];

const UTF8: Flaw[] = [
  ["utf8/stray-byte", (p) => note(p, [0xff])],
  ["utf8/overlong", (p) => note(p, [0xc0, 0xaf])],
  ["utf8/surrogate", (p) => note(p, [0xed, 0xa0, 0x80])],
  ["utf8/cut-short", (p) => note(p, [0xe2, 0x82])],
  ["utf8/utf-16", (p) => utf16(json(p))],
];

const SCHEMA: Flaw[] = [
  ["schema/no-object", ({ coordinates }) => JSON.stringify(coordinates)],
  ["schema/null", () => "null"],
  ["schema/missing-user", (p) => json(p).replace("userID", "user")],
  ["schema/missing-timestamp", (p) => json(p).replace("timestamp", "time")],
  ["schema/missing-coordinates", (p) => json(p).replace("coordinates", "position")],
  ["schema/both-spellings", (p) => json(p).replace("{", `{"userId":${p.userID},`)],
  ["schema/user-text", (p) => json(p, { userID: `"${p.userID}"` })],
  ["schema/user-boolean", (p) => json(p, { userID: "true" })],
  ["schema/user-null", (p) => json(p, { userID: "null" })],
  ["schema/user-fraction", (p) => json(p, { userID: `${p.userID}.5` })],
  ["schema/user-beyond-int4", (p) => json(p, { userID: "2147483648" })],
  ["schema/user-beyond-double", (p) => json(p, { userID: "9007199254740993" })],
  ["schema/timestamp-text", (p) => json(p, { timestamp: `"${p.timestamp}"` })],
  ["schema/timestamp-negative", (p) => json(p, { timestamp: "-1.5" })],
  ["schema/timestamp-year-10000", (p) => json(p, { timestamp: "253402300800.0" })],
  ["schema/timestamp-overflow", (p) => json(p, { timestamp: "1e400" })],
  ["schema/coordinates-object", (p) => json(p, { coordinates: `{"lat":0.0,"lon":0.0}` })],
  ["schema/coordinates-one", (p) => json(p, { coordinates: `[${p.coordinates[0]}]` })],
  ["schema/coordinates-three", (p) => json(p, { coordinates: `[${p.coordinates},12.5]` })],
  ["schema/coordinates-text", (p) => json(p, { coordinates: `["${p.coordinates.join('","')}"]` })],
  ["schema/coordinates-null", (p) => json(p, { coordinates: `[${p.coordinates[0]},null]` })],
  ["schema/latitude-range", (p) => json(p, { coordinates: `[90.0000001,${p.coordinates[1]}]` })],
  ["schema/longitude-range", (p) => json(p, { coordinates: `[${p.coordinates[0]},-180.5]` })],
];

const DEPTH: Flaw[] = [
  ["depth/arrays", (p) => json(p).replace("{", `{"note":${"[".repeat(65)}${"]".repeat(65)},`)],
  ["depth/unclosed", () => "[".repeat(10_000)],
];

const TOMBSTONE: Flaw[] = [["tombstone/null", () => null]];

const LIGHT = takeTurns(SYNTAX, UTF8, SCHEMA, DEPTH, TOMBSTONE);

/** The first of each, the second of each, and so on, so that a few records cover every code. */
function takeTurns(...groups: Flaw[][]): Flaw[] {
  const longest = Math.max(...groups.map((group) => group.length));
  return Array.from(
    { length: longest },
    (_, i) => groups.flatMap((group) => group[i] ? [group[i]] : []),
  )
    .flat();
}

/** The record as text, with the given parts replaced. */
function json(
  point: Point,
  {
    userID = `${point.userID}`,
    timestamp = `${point.timestamp}`,
    coordinates = `[${point.coordinates}]`,
  } = {},
): string {
  return `{"userID":${userID},"timestamp":${timestamp},"coordinates":${coordinates}}`;
}

/** The record with one more key that holds these bytes: they are the only flaw. */
function note(point: Point, bytes: number[]): Uint8Array {
  const encoder = new TextEncoder();
  const head = encoder.encode(json(point).replace("}", ',"note":"'));
  return Uint8Array.of(...head, ...bytes, ...encoder.encode('"}'));
}

/** ASCII text as little-endian UTF-16 with a byte order mark, as Windows tools write it. */
function utf16(text: string): Uint8Array {
  return Uint8Array.of(0xff, 0xfe, ...[...text].flatMap((letter) => [letter.charCodeAt(0), 0]));
}
