import { UsageError } from "../errors.ts";
import { suggest } from "../suggest.ts";
import { CALENDAR_END_MS, isZone, parseDuration, parseTime, WAIT_MAX_MS } from "../units.ts";

/** How the value of a flag is written and read. */
export interface ValueType<T> {
  /** Stands for the value in the help. */
  placeholder: string;
  /** Values that a shell offers. */
  words?: readonly string[];
  /** Whether it is several of the words, between commas. */
  many?: true;
  /** Throws a UsageError that says what is expected. */
  parse(text: string, context: ParseContext): T;
}

/** What a value is read with. */
export interface ParseContext {
  flag: string;
  /** Milliseconds since 1970. */
  now: number;
  /** The time zone of times without one of their own. */
  zone: string;
  /** The text of each occurrence of a repeatable flag; `text` joins them with commas. */
  texts: string[];
}

function refuse(text: string, { flag }: ParseContext, expected: string): never {
  throw new UsageError(`--${flag} is "${text}": expected ${expected}`);
}

/** A type whose values are refused where `parse` returns null. */
export function valueType<T>(
  placeholder: string,
  expected: string,
  parse: (text: string, context: ParseContext) => T | null,
  words: readonly string[] | null = null,
): ValueType<T> {
  return {
    placeholder,
    ...words && { words },
    parse: (text, context) => parse(text, context) ?? refuse(text, context, expected),
  };
}

/** Null if the text is not a plain decimal number. */
function toNumber(text: string): number | null {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** Exactly `count` numbers between commas, otherwise null. */
function toNumbers(text: string, count: number): number[] | null {
  const numbers = text.split(",").map((part) => toNumber(part.trim()));
  return numbers.length === count && numbers.every((number) => number !== null) ? numbers : null;
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER): ValueType<number> {
  const range = `a whole number from ${min} to ${max}`;
  const isOpen = max === Number.MAX_SAFE_INTEGER;
  const expected = isOpen ? `a whole number of at least ${min}` : range;
  return valueType("N", expected, (text, context) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value > max) refuse(text, context, range);
    return value >= min ? value : null;
  });
}

/** A number above 0, up to `max`. */
export function positive(max = 1e9): ValueType<number> {
  return valueType("N", `a number above 0, up to ${max}`, (text) => {
    const value = toNumber(text);
    return value !== null && value > 0 && value <= max ? value : null;
  });
}

/** A number from 0 to 100. */
export const percent = valueType("PCT", "a share of 0 to 100 %", (text) => {
  const value = toNumber(text.replace(/%$/, ""));
  return value !== null && value >= 0 && value <= 100 ? value : null;
});

/** Milliseconds. */
export const duration = valueType(
  "DUR",
  "a duration such as 500ms, 10s, 1h30m, 7d or 1w",
  (text) => parseDuration(text) || null,
);

/** Milliseconds, few enough for a timer. */
export const timeLimit = valueType("DUR", "a duration of at most 7d", (text, context) => {
  const ms = duration.parse(text, context);
  return ms <= WAIT_MAX_MS ? ms : null;
});

const TIME_WORDS = ["now", "today", "yesterday"];

const timeMs = valueType(
  "TIME",
  "a time such as 2026-11-24T10:00:00Z, now, yesterday, 2h (ago) or unix seconds",
  (text, { now, zone }) => parseTime(text, now, zone),
);

/** A time zone. */
export const zone = valueType(
  "ZONE",
  "UTC, local or a name such as Europe/Helsinki",
  (text) => isZone(text) ? text : null,
  ["UTC", "local"],
);

/** Seconds since 1970. */
export const unixTime: ValueType<number> = {
  placeholder: "TIME",
  words: TIME_WORDS,
  parse: (text, context) => timeMs.parse(text, context) / 1000,
};

/** Milliseconds since 1970, within the years that a record may have. */
export const recordTimeMs = valueType("TIME", "a time from 1970 to 9999", (text, context) => {
  const ms = timeMs.parse(text, context);
  return ms >= 0 && ms < CALENDAR_END_MS ? ms : null;
}, TIME_WORDS);

/** Metres. */
export const distance = valueType("DIST", "a distance such as 500m or 2km", (text) => {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(m|km)$/.exec(text) ?? [];
  return Number(number ?? 0) * (unit === "km" ? 1000 : 1) || null;
});

/** One of some words. */
export function choice<T extends string>(placeholder: string, ...words: T[]): ValueType<T> {
  const parse = (text: string, { flag }: ParseContext) => {
    const word = words.find((word) => word === text);
    if (word !== undefined) return word;
    const nearest = suggest(text, words);
    throw new UsageError(
      `--${flag} is "${text}": expected ${words.join(", ")}`,
      nearest ? `--${flag} ${nearest}` : undefined,
    );
  };
  return { placeholder, words, parse };
}

const PLACE = "LATITUDE,LONGITUDE in degrees, such as 60.17,24.94";

/** Latitude and longitude in degrees. */
export const place = valueType<[number, number]>("LAT,LON", PLACE, (text, context) => {
  const [latitude, longitude] = toNumbers(text, 2) ?? [];
  if (latitude === undefined || longitude === undefined || Math.abs(longitude) > 180) return null;
  if (Math.abs(latitude) > 90) {
    refuse(text, context, `${PLACE}: latitude comes first, from -90 to 90`);
  }
  return [latitude, longitude];
});

/** West, south, east, north in degrees; a box whose west is above its east crosses 180°. */
export const box = valueType(
  "W,S,E,N",
  "WEST,SOUTH,EAST,NORTH in degrees, such as -74.3,40.5,-73.7,40.9",
  (text, context) => {
    const numbers = toNumbers(text, 4);
    if (!numbers) return null;
    const [west, south, east, north] = numbers as [number, number, number, number];
    const order = "longitude comes first: WEST,SOUTH,EAST,NORTH";
    if (Math.abs(south) > 90 || Math.abs(north) > 90) {
      refuse(text, context, `latitudes of -90 to 90; ${order}`);
    }
    if (Math.abs(west) > 180 || Math.abs(east) > 180) {
      refuse(text, context, "longitudes of -180 to 180");
    }
    if (south > north) refuse(text, context, `south below north; ${order}`);
    return { west, south, east, north };
  },
);

/** Inclusive ranges: `7`, `1,2,5-9`. */
export const users = valueType("LIST", "users such as 7 or 1,2,5-9", (text, context) => {
  const ranges = text.split(",").map((part): [from: number, to: number] | null => {
    const match = /^\s*(-?\d+)(?:-(-?\d+))?\s*$/.exec(part);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (from < -2_147_483_648 || to > 2_147_483_647) refuse(text, context, "users within 32 bits");
    return from <= to ? [from, to] : null;
  });
  return ranges.every((range) => range !== null) ? ranges : null;
});

/** Words between commas, some of which a shell offers. */
export function listOf(words: readonly string[]): ValueType<string[]> {
  return { ...list, words, many: true };
}

/** Words between commas. */
export const list = valueType("LIST", "names between commas", (text) => {
  const words = text.split(",").map((word) => word.trim());
  return words.includes("") ? null : words;
});

/** `127.0.0.1:9187`, `[::1]:9187`, `localhost:0`; a port alone is one of this machine. */
export const address = valueType(
  "[HOST:]PORT",
  "[HOST:]PORT, such as 127.0.0.1:9187, or port 0 for any free one",
  (text) => {
    const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):)?(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    return match && port <= 65_535 ? { host: match[1] ?? match[2] ?? "127.0.0.1", port } : null;
  },
);

/** Any text. */
export function anyText(placeholder: string): ValueType<string> {
  return { placeholder, parse: (text) => text };
}

/** Every text that a repeatable flag is given, unchanged. */
export function anyTexts(placeholder: string, words: readonly string[]): ValueType<string[]> {
  return { placeholder, words, parse: (_text, { texts }) => texts };
}

/** A file; shells offer the existing ones. */
export const path = anyText("PATH");
