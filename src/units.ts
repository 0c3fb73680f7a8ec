const UNITS_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
/** As people write the units, in the singular. */
const UNIT_WORDS: Record<string, string> = {
  sec: "s",
  second: "s",
  min: "m",
  minute: "m",
  hour: "h",
  day: "d",
  week: "w",
};

/** The start of the year 10000: every record must be earlier. */
export const CALENDAR_END_MS = 253_402_300_800_000;

/** The longest time limit: a timer takes at most 31 bits of milliseconds, and fires at once beyond that. */
export const WAIT_MAX_MS = 7 * UNITS_MS.d!;

/** `500ms`, `10s`, `1h30m`, `1.5h`, `7d`, `2 hours`, `30min` to milliseconds; null for any other text. */
export function parseDuration(text: string): number | null {
  const word = text.trim();
  if (!/^(\d+(\.\d+)?\s*[a-z]+\s*)+$/.test(word)) return null;
  let ms = 0;
  for (const [, count, unit] of word.matchAll(/(\d+(?:\.\d+)?)\s*([a-z]+)/g)) {
    const name = unit!.replace(/(?<=..)s$/, "");
    ms += Number(count) * (UNITS_MS[UNIT_WORDS[name] ?? unit!] ?? NaN);
  }
  return ms < Infinity ? ms : null;
}

/** The difference between the clock of a zone (`UTC`, `local` or an IANA name) and UTC, in milliseconds. */
export function zoneOffset(ms: number, zone: string): number {
  if (zone === "UTC") return 0;
  const parts = clockOf(zone).formatToParts(ms);
  const part = (type: string) => Number(parts.find((one) => one.type === type)!.value);
  const isBefore = parts.some(({ value }) => value === "BC");
  const year = isBefore ? 1 - part("year") : part("year");
  const local = Date.UTC(
    year,
    part("month") - 1,
    part("day"),
    part("hour"),
    part("minute"),
    part("second"),
  );
  return local - Math.floor(ms / 1000) * 1000;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

/** The clock of a zone; throws a RangeError for an unknown one. Creating it takes longer than reading it. */
function clockOf(zone: string): Intl.DateTimeFormat {
  const known = clocks.get(zone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat("en-US", {
    ...zone !== "local" && { timeZone: zone },
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
    era: "short",
  });
  clocks.set(zone, clock);
  return clock;
}

/** The name of a zone to show with a time: of `local` that of this machine. */
export function zoneName(zone: string): string {
  return zone === "local" ? clockOf(zone).resolvedOptions().timeZone : zone;
}

/** Whether it is `UTC`, `local`, or a name in the IANA database of time zones. */
export function isZone(zone: string): boolean {
  try {
    zoneOffset(0, zone);
    return true;
  } catch {
    return false;
  }
}

/** When the clock of a zone shows that time, given as if it were UTC. A time that it skips is taken as if it did not. */
function fromLocal(localMs: number, zone: string): number {
  return localMs - zoneOffset(localMs - zoneOffset(localMs, zone), zone);
}

/**
 * A time to milliseconds since 1970: ISO 8601 (by the clock of `zone` without an offset of its own), unix seconds, after
 * `@` also small ones, milliseconds with 13 digits, `now`, `today`, `10:00` of today, `yesterday 14:00`, and `2h`, `-2h` or
 * `2 hours ago`; null for any other text. `now` is in milliseconds.
 */
export function parseTime(text: string, now: number, zone: string = "UTC"): number | null {
  const word = text.trim().replace(/^@(?=\d)/, "");
  if (word === "now") return now;
  const named = /^(today|yesterday)?(?:(?:^|\s+)(\d{1,2}:\d{2}(?::\d{2})?))?$/.exec(word);
  if (named && word !== "") {
    const [, day, clock = "00:00"] = named;
    const local = now + zoneOffset(now, zone) - (day === "yesterday" ? UNITS_MS.d! : 0);
    const date = new Date(local).toISOString().slice(0, 10);
    return parseIso(`${date}T${clock.replace(/^(\d):/, "0$1:")}`, zone);
  }
  if (/^\d{13}$/.test(word)) return Number(word);
  // A smaller number may be a year, a date or a count of something; 9 digits are 1973.
  const isUnix = word === text.trim() ? /^\d{9,12}(\.\d+)?$/ : /^\d{1,12}(\.\d+)?$/;
  if (isUnix.test(word)) return Number(word) * 1000;
  const ago = parseDuration(word.replace(/^-|\s+ago$/, ""));
  return ago === null ? parseIso(word, zone) : now - ago;
}

/** `20241124T1300` as `2024-11-24T13:00`. */
const BASIC = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(?:(\d\d)(\.\d+)?)?(?=Z|[+-]|$)/i;

const ISO =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** Stricter than Date.parse(), which turns 31 February into March and accepts many other formats. */
function parseIso(text: string, zone: string): number | null {
  const extended = text.replace(BASIC, (_, y, mo, d, h, mi, s = "00", fraction = "") => {
    return `${y}-${mo}-${d}T${h}:${mi}:${s}${fraction}`;
  });
  const match = ISO.exec(extended);
  if (!match) return null;
  const [, date, clock = "00:00", offset = ""] = match;
  const day = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(day) || new Date(day).toISOString().slice(0, 10) !== date) return null;
  const zoned = offset.replace(
    /^(...):?(..)?$/,
    (_, hours, minutes = "00") => `${hours}:${minutes}`,
  );
  const fixed = zoned.toUpperCase();
  const ms = Date.parse(`${date}T${clock}${fixed || "Z"}`);
  if (Number.isNaN(ms)) return null;
  return fixed ? ms : fromLocal(ms, zone);
}

/** `12 400`: a count for people. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** `1 record`, `12 400 records`. */
export function formatMany(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** `0.8 s`, `12:00`: the duration of a run. */
export function formatSpan(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : formatClock(seconds * 1000);
}

/** `0:07`, `12:00`, `1:02:03`: elapsed time. */
export function formatClock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `12 ms`, `1.5 s`: a short duration. */
export function formatMs(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(2))} s`;
}

const WINDOW_MS = 5_000;

/** The growth of a count in the last seconds: a progress line shows the current rate, not the average of the run. */
export class Rate {
  readonly #samples: [ms: number, count: number][] = [[0, 0]];

  /** Takes the count at this time, in milliseconds since the start; returns its growth per second. */
  at(ms: number, count: number): number {
    const samples = this.#samples;
    samples.push([ms, count]);
    while (samples[1]![0] < ms - WINDOW_MS) samples.shift();
    const [startMs, before] = samples[0]!;
    return ms > startMs ? (count - before) * 1000 / (ms - startMs) : 0;
  }
}

/** Milliseconds until `count` more are done at this rate; Infinity at a rate of 0. */
export function timeLeft(count: number, perSecond: number): number {
  return perSecond > 0 ? count / perSecond * 1000 : Infinity;
}

/** `1 830/s`, `0.5/s`: a rate for people, in two digits where it is slow. */
export function formatRate(perSecond: number): string {
  const isSlow = perSecond > 0 && perSecond < 10;
  if (isSlow && perSecond < 0.001) return "below 0.001/s";
  return `${isSlow ? Number(perSecond.toPrecision(2)) : formatCount(Math.round(perSecond))}/s`;
}

/** `0:07 · 0:02 left`: elapsed and remaining time; `leftMs` is Infinity when it is unknown. */
export function formatCourse(ms: number, leftMs: number): string {
  const left = leftMs < Infinity ? ` · ${formatClock(Math.ceil(leftMs / 1000) * 1000)} left` : "";
  return formatClock(ms) + left;
}
