import { CALENDAR_END_MS, isZone, parseDuration, parseTime, WAIT_MAX_MS } from "../units.ts";
import { type ParseContext, refuse, type ValueType, valueType } from "./value_types.ts";

/** Milliseconds. */
export const duration = valueType(
  "DUR",
  "a duration such as 500ms, 10s, 1h30m, 7d or 1w",
  (text, context) => {
    const ms = parseDuration(text);
    if (ms === 0) refuse(text, context, "a duration above 0, such as 500ms");
    return ms;
  },
  { meant: inDays },
);

/** `5` as `5s`, `1y` as `365d`: what a bare number counts must be said, and years and months differ in length. */
function inDays(text: string): string[] {
  const [, count, unit] = /^(\d+)\s*(|mo|months?|y|yrs?|years?)(?:\s+ago)?$/.exec(text.trim()) ??
    [];
  if (!Number(count)) return [];
  const days = unit!.startsWith("y") ? 365 : 30;
  return [unit === "" ? `${count}s` : `${Number(count) * days}d`];
}

/** Milliseconds, few enough for a timer. */
export const timeLimit = valueType("DUR", "a duration of at most 7d", (text, context) => {
  const ms = duration.parse(text, context);
  return ms <= WAIT_MAX_MS ? ms : null;
});

const TIME_WORDS = ["now", "today", "yesterday"];

const timeMs = valueType(
  "TIME",
  "a time such as 2026-11-24T10:00:00Z, 10:00 (today), yesterday, 2h (ago) or unix seconds",
  (text, { now, zone }) => parseTime(text, now, zone),
  { meant: asTime },
);

/** `2026`, `20261124`, `2026/11/24`, `24.11.2026`: the other way around with slashes, day and month cannot be told apart. */
const DATES = [
  /^(?<year>\d{4})(?:(?<month>\d\d)(?<day>\d\d))?$/,
  /^(?<year>\d{4})[-/.](?<month>\d{1,2})[-/.](?<day>\d{1,2})$/,
  /^(?<day>\d{1,2})\.(?<month>\d{1,2})\.(?<year>\d{4})$/,
];

/** What may be meant by a date in another form, a number too small for unix seconds, years and months. */
function asTime(text: string, { now }: ParseContext): string[] {
  const word = text.trim();
  const found = DATES.map((pattern) => pattern.exec(word)?.groups).find((groups) => groups);
  const { year, month = "1", day = "1" } = found ?? {};
  const date = [year, month.padStart(2, "0"), day.padStart(2, "0")].join("-");
  const unix = /^\d{1,8}$/.test(word) ? [`@${word}`] : [];
  if (found && parseTime(date, now) !== null) return [date, ...unix];
  return [.../^\d{9,}$/.test(word) ? [] : inDays(word), ...unix];
}

/** A time zone. */
export const zone = valueType(
  "ZONE",
  "UTC, local or a name such as Europe/Helsinki",
  (text) => isZone(text) ? text : null,
  { words: ["UTC", "local"] },
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
}, { words: TIME_WORDS });
