import { UsageError } from "../errors.ts";
import { suggest } from "../suggest.ts";
import type { Spec } from "../record/offsets.ts";
import { CALENDAR_END_MS, parseDuration, parseTime, WAIT_MAX_MS } from "../units.ts";

/** Takes the text of a value to what it means, or throws a Usage that says what is expected. */
export interface Kind<T> {
  (text: string, flag: string, now: number): T;
  /** What a shell may offer; with `choice` nothing else is taken. */
  words?: readonly string[];
}

/** A flag as the command line, the help and the suggestions know it. */
export interface Flag<T = unknown> {
  name: string;
  short?: string;
  /** Absent: a switch without a value. */
  kind?: Kind<T>;
  /** Stands for the value in the help. */
  value?: string;
  help: string;
  /** What the flag means without a value; where it is absent, a value is due. */
  implied?: string;
  /** Heads this flag and those after it, in the help. */
  group?: string;
  /** In the help only. */
  fallback?: string;
  repeatable?: boolean;
}

function refuse(flag: string, text: string, expected: string): never {
  throw new UsageError(`--${flag} is "${text}": expected ${expected}`);
}

/** Null where the text is no plain decimal number. */
function number(text: string): number | null {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** Numbers between commas, as many as are due. */
function numbers(text: string, count: number, refused: () => never): number[] {
  const parts = text.split(",").map((part) => number(part.trim()));
  return parts.length === count && parts.every((part) => part !== null) ? parts : refused();
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  return (text, flag) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    const isOpen = max === Number.MAX_SAFE_INTEGER && !(value > max);
    const range = isOpen ? `of at least ${min}` : `from ${min} to ${max}`;
    return refuse(flag, text, `a whole number ${range}`);
  };
}

/** A number above `min`, up to `max`. */
export function positive(max = 1e9): Kind<number> {
  return (text, flag) => {
    const value = number(text);
    if (value !== null && value > 0 && value <= max) return value;
    return refuse(flag, text, `a number above 0, up to ${max}`);
  };
}

/** A number from 0 to 100. */
export const percent: Kind<number> = (text, flag) => {
  const value = number(text.replace(/%$/, ""));
  if (value !== null && value >= 0 && value <= 100) return value;
  return refuse(flag, text, "a share of 0 to 100 %");
};

/** Milliseconds. */
export const duration: Kind<number> = (text, flag) => {
  const ms = parseDuration(text);
  if (ms === null || ms <= 0) refuse(flag, text, "a duration such as 500ms, 10s, 9m, 1h or 7d");
  return ms;
};

/** The same, of a limit to waiting. */
export const limit: Kind<number> = (text, flag, now) => {
  const ms = duration(text, flag, now);
  return ms <= WAIT_MAX_MS ? ms : refuse(flag, text, "a duration of at most 7d");
};

/** Milliseconds since 1970. */
export const time: Kind<number> = (text, flag, now) => {
  const ms = parseTime(text, now);
  if (ms === null) {
    refuse(
      flag,
      text,
      "a time such as 2026-11-24T10:00:00Z, now, yesterday, 2h (ago) or unix seconds",
    );
  }
  return ms;
};
time.words = ["now", "today", "yesterday"];

/** The same, of a record: others are rejected. */
export const recordTime: Kind<number> = (text, flag, now) => {
  const ms = time(text, flag, now);
  return ms >= 0 && ms < CALENDAR_END_MS ? ms : refuse(flag, text, "a time from 1970 to 9999");
};
recordTime.words = time.words!;

/** Metres. */
export const distance: Kind<number> = (text, flag) => {
  const match = /^(\d+(?:\.\d+)?)(m|km)$/.exec(text);
  const metres = Number(match?.[1]) * (match?.[2] === "km" ? 1000 : 1);
  if (!match || metres <= 0) refuse(flag, text, "a distance such as 500m or 2km");
  return metres;
};

/** One of some words. */
export function choice<T extends string>(...words: T[]): Kind<T> {
  const kind: Kind<T> = (text, flag) => {
    if (words.includes(text as T)) return text as T;
    const meant = suggest(text, words);
    throw new UsageError(
      `--${flag} is "${text}": expected ${words.join(", ")}`,
      meant ? `--${flag} ${meant}` : undefined,
    );
  };
  return Object.assign(kind, { words });
}

/** Latitude and longitude in degrees. */
export const place: Kind<[number, number]> = (text, flag) => {
  const expected = "LATITUDE,LONGITUDE in degrees, such as 60.17,24.94";
  const parts = numbers(text, 2, () => refuse(flag, text, expected));
  const [latitude, longitude] = parts;
  if (Math.abs(longitude!) > 180) refuse(flag, text, expected);
  if (Math.abs(latitude!) > 90) {
    refuse(flag, text, `${expected}: latitude comes first, from -90 to 90`);
  }
  return [latitude!, longitude!];
};

/** West, south, east, north in degrees; west above east goes across 180°. */
export const box: Kind<{ west: number; south: number; east: number; north: number }> = (
  text,
  flag,
) => {
  const expected = "WEST,SOUTH,EAST,NORTH in degrees, such as -74.3,40.5,-73.7,40.9";
  const parts = numbers(text, 4, () => refuse(flag, text, expected));
  const [west, south, east, north] = parts as [number, number, number, number];
  const swapped = "longitude comes first: WEST,SOUTH,EAST,NORTH";
  if (Math.abs(south) > 90 || Math.abs(north) > 90) {
    refuse(flag, text, `latitudes of -90 to 90; ${swapped}`);
  }
  if (Math.abs(west) > 180 || Math.abs(east) > 180) refuse(flag, text, "longitudes of -180 to 180");
  if (south > north) refuse(flag, text, `south below north; ${swapped}`);
  return { west, south, east, north };
};

/** `7`, `1,2,5-9`. */
export const users: Kind<[number, number][]> = (text, flag) =>
  text.split(",").map((part) => {
    const match = /^\s*(-?\d+)(?:-(-?\d+))?\s*$/.exec(part);
    const [from, to] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || from > to) refuse(flag, text, "users such as 7 or 1,2,5-9");
    if (from < -2_147_483_648 || to > 2_147_483_647) refuse(flag, text, "users within 32 bits");
    return [from, to];
  });

/** Words between commas. */
export const list: Kind<string[]> = (text, flag) => {
  const words = text.split(",").map((word) => word.trim());
  if (words.includes("")) refuse(flag, text, "names between commas");
  return words;
};

/** `127.0.0.1:9187`, `[::1]:9187`, `localhost:0`. */
export const address: Kind<{ host: string; port: number }> = (text, flag) => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:\s[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    refuse(flag, text, "HOST:PORT, such as 127.0.0.1:9187, or port 0 for any free one");
  }
  return { host: (match[1] ?? match[2])!, port };
};

/** Any text. */
export const text: Kind<string> = (text) => text;

/** A file; shells offer those that are there. */
export const path: Kind<string> = (text) => text;

/** `earliest`, `latest`, an offset, `@TIME`, `-N` for the last N. */
export const spec: Kind<Spec> = (text, flag, now) => {
  if (text === "earliest" || text === "latest") return { at: text };
  if (/^\d{1,15}$/.test(text)) return { at: "offset", offset: Number(text) };
  if (/^-\d{1,15}$/.test(text)) return { at: "last", count: -Number(text) };
  const ms = text.startsWith("@") ? parseTime(text.slice(1), now) : null;
  if (ms !== null) return { at: "time", ms: Math.ceil(ms) };
  return refuse(flag, text, "earliest, latest, an offset, @TIME or -N for the last N records");
};
spec.words = ["earliest", "latest"];

/** A command as it is written about: parsing, help, completions and man page all come from here. */
export interface Manual {
  /** For lists of commands. */
  summary: string;
  /** What it does, by paragraphs; the first is a line. */
  about: string[];
  usage: string;
  examples: [what: string, line: string][];
  /** What may follow the command. */
  words?: readonly string[];
  flags: Flag[];
}
