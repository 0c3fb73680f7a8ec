import * as v from "valibot";
import { parseAsWritten } from "./json.ts";

const USER_MIN = -2_147_483_648;
const USER_MAX = 2_147_483_647;
/** The year 10000, in seconds since 1970. */
const TIME_END = 253_402_300_800;
const LATITUDE_MAX = 90;
const LONGITUDE_MAX = 180;

/** The definition of a valid record. */
export const PointSchema = v.object({
  userID: v.pipe(v.number(), v.integer(), v.minValue(USER_MIN), v.maxValue(USER_MAX)),
  timestamp: v.pipe(v.number(), v.finite(), v.minValue(0), v.ltValue(TIME_END)),
  coordinates: v.strictTuple([degrees(LATITUDE_MAX), degrees(LONGITUDE_MAX)]),
});

function degrees(max: number) {
  return v.pipe(v.number(), v.finite(), v.minValue(-max), v.maxValue(max));
}

/** One GPS record: who, when (seconds since 1970), where (degrees: latitude, then longitude). */
export type Point = v.InferOutput<typeof PointSchema>;

/** The same check as PointSchema for four numbers, at a fiftieth of the cost. */
export function isPoint(
  userID: number,
  timestamp: number,
  latitude: number,
  longitude: number,
): boolean {
  return Number.isInteger(userID) && userID >= USER_MIN && userID <= USER_MAX &&
    timestamp >= 0 && timestamp < TIME_END &&
    Math.abs(latitude) <= LATITUDE_MAX && Math.abs(longitude) <= LONGITUDE_MAX;
}

/** A point, or the invalid part (`coordinates[0]`; empty: the whole value) and a reason of at most 200 characters. */
export type ParsedPoint = { ok: true; point: Point } | { ok: false; path: string; reason: string };

/**
 * Checks a value of JSON.parse() and never converts it. With `text`, the source of the value, a reason quotes numbers as
 * they were written.
 */
export function parsePoint(value: unknown, text?: string): ParsedPoint {
  if (!isRecord(value)) return refuse([], value, text);
  // The original program writes `userId`.
  const isOriginal = Object.hasOwn(value, "userId");
  if (isOriginal && Object.hasOwn(value, "userID")) {
    return { ok: false, path: "userId", reason: "expected one of userID and userId, found both" };
  }
  const { userId, timestamp, coordinates } = value;
  const normalized = isOriginal ? { userID: userId, timestamp, coordinates } : value;
  const result = v.safeParse(PointSchema, normalized, { abortEarly: true });
  if (result.success) return { ok: true, point: withoutMinusZero(result.output) };
  const [issue] = result.issues;
  const keys = (issue.path ?? []).map(({ key }) => key as string | number);
  if (isOriginal && keys[0] === "userID") keys[0] = "userId";
  return refuse(keys, value, text);
}

/** The name of the user in JSON; the original program writes and requires the second. */
export type UserField = "userID" | "userId";

/** JSON as written to the topic: the original consumer requires a fraction in time and coordinates. */
export function encodePoint(
  { userID, timestamp, coordinates: [latitude, longitude] }: Point,
  userField: UserField = "userID",
): string {
  return `{"${userField}":${userID + 0},"timestamp":${float(timestamp)},"coordinates":[${
    float(latitude)
  },${float(longitude)}]}`;
}

/** JSON has no NaN and no infinity, which only rows of other programs contain. */
function float(value: number): string {
  if (Number.isInteger(value)) return `${value + 0}.0`;
  return Number.isFinite(value) ? String(value) : "null";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Adding zero turns -0 into 0. */
function withoutMinusZero({ userID, timestamp, coordinates: [latitude, longitude] }: Point): Point {
  return {
    userID: userID + 0,
    timestamp: timestamp + 0,
    coordinates: [latitude + 0, longitude + 0],
  };
}

const EXPECTED: Record<string, string> = {
  "": "an object",
  "userID": `an integer from ${USER_MIN} to ${USER_MAX}`,
  "userId": `an integer from ${USER_MIN} to ${USER_MAX}`,
  "timestamp": `seconds since 1970 from 0 to below ${TIME_END}`,
  "coordinates": "an array of latitude and longitude",
  "coordinates[0]": `a latitude from -${LATITUDE_MAX} to ${LATITUDE_MAX}`,
  "coordinates[1]": `a longitude from -${LONGITUDE_MAX} to ${LONGITUDE_MAX}`,
  "coordinates[2]": "no third coordinate",
};
const REASON_MAX = 200;

function refuse(keys: (string | number)[], value: unknown, text: string | undefined): ParsedPoint {
  const path = keys.map((key) => typeof key === "number" ? `[${key}]` : key).join("");
  const found = keys.reduce<unknown>(
    (part, key) => (part as Record<string | number, unknown>)[key],
    text === undefined ? value : parseAsWritten(text),
  );
  return { ok: false, path, reason: shorten(`expected ${EXPECTED[path]}, found ${quote(found)}`) };
}

function quote(found: unknown): string {
  if (found === undefined) return "nothing";
  return typeof found === "number" ? String(found) : JSON.stringify(found);
}

/** Never splits a surrogate pair: PostgreSQL refuses text with an unpaired surrogate. */
function shorten(text: string): string {
  return text.length <= REASON_MAX
    ? text
    : text.slice(0, REASON_MAX - 1).replace(/[\ud800-\udbff]$/, "") + "…";
}
