import { assertEquals } from "@std/assert";
import {
  formatClock,
  formatCount,
  formatCourse,
  formatRate,
  parseDuration,
  parseTime,
  Rate,
} from "../src/units.ts";
import { status } from "../src/commands/consume/summary.ts";

const NOW = Date.parse("2026-03-04T05:06:07.089Z");
const HOUR = 3_600_000;

const durations: [text: string, ms: number | null][] = [
  ["500ms", 500],
  ["10s", 10_000],
  ["9m", 540_000],
  ["1h", HOUR],
  ["7d", 168 * HOUR],
  ["1.5h", 1.5 * HOUR],
  ["0s", 0],
  [" 10s ", 10_000],
  ["10", null],
  ["s", null],
  ["", null],
  ["-10s", null],
  ["+10s", null],
  ["10 s", 10_000],
  ["0s 0ms", 0],
  ["10S", null],
  ["10sec", 10_000],
  ["30min", 0.5 * HOUR],
  ["1 minute", 60_000],
  ["2 hours", 2 * HOUR],
  ["2 hours 30 minutes", 2.5 * HOUR],
  ["1 day", 24 * HOUR],
  ["2weeks", 336 * HOUR],
  ["1hs", null],
  ["1y", null],
  ["2 months", null],
  ["2 constructor", null],
  ["1h30m", 1.5 * HOUR],
  ["1d2h3m4s5ms", 26 * HOUR + 184_005],
  ["1h 30m", 1.5 * HOUR],
  ["h30m", null],
  [".5s", null],
  ["1e3s", null],
  ["NaNs", null],
  ["1w", 168 * HOUR],
];

for (const [text, ms] of durations) {
  Deno.test(`parseDuration() reads "${text}" as ${ms ?? "nothing"}`, () => {
    assertEquals(parseDuration(text), ms);
  });
}

const times: [text: string, iso: string | null][] = [
  ["now", "2026-03-04T05:06:07.089Z"],
  [" now ", "2026-03-04T05:06:07.089Z"],
  ["today", "2026-03-04T00:00:00.000Z"],
  ["yesterday", "2026-03-03T00:00:00.000Z"],
  ["2h", "2026-03-04T03:06:07.089Z"],
  ["-2h", "2026-03-04T03:06:07.089Z"],
  ["500ms", "2026-03-04T05:06:06.589Z"],
  ["7d", "2026-02-25T05:06:07.089Z"],
  ["0", null],
  ["@0", "1970-01-01T00:00:00.000Z"],
  ["@5", "1970-01-01T00:00:05.000Z"],
  ["5", null],
  ["20261124", null],
  ["100000000", "1973-03-03T09:46:40.000Z"],
  ["2h ago", "2026-03-04T03:06:07.089Z"],
  ["2 hours ago", "2026-03-04T03:06:07.089Z"],
  ["2 hours", "2026-03-04T03:06:07.089Z"],
  ["30min", "2026-03-04T04:36:07.089Z"],
  ["-2h ago", null],
  ["ago", null],
  ["10:00", "2026-03-04T10:00:00.000Z"],
  ["9:30:15", "2026-03-04T09:30:15.000Z"],
  ["24:30", null],
  ["today10:00", null],
  ["10:00pm", null],
  ["1732431234", "2024-11-24T06:53:54.000Z"],
  ["1732431234.567", "2024-11-24T06:53:54.567Z"],
  ["1732431234567", "2024-11-24T06:53:54.567Z"],
  ["2026-11-24", "2026-11-24T00:00:00.000Z"],
  ["2026-11-24T10:00", "2026-11-24T10:00:00.000Z"],
  ["2026-11-24 10:00:01", "2026-11-24T10:00:01.000Z"],
  ["2026-11-24T10:00:00Z", "2026-11-24T10:00:00.000Z"],
  ["2026-11-24t10:00:00z", "2026-11-24T10:00:00.000Z"],
  ["2026-11-24T10:00:00.5Z", "2026-11-24T10:00:00.500Z"],
  ["2026-11-24T10:00:00.123456789Z", "2026-11-24T10:00:00.123Z"],
  ["2026-11-24T10:00:00+02:00", "2026-11-24T08:00:00.000Z"],
  ["2026-11-24T10:00:00-0330", "2026-11-24T13:30:00.000Z"],
  ["2026-11-24T10:00+02", "2026-11-24T08:00:00.000Z"],
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ["2026-02-29", null],
  ["2026-02-31", null],
  ["2026-13-01", null],
  ["2026-00-10", null],
  ["2026-11-24T25:00", null],
  ["2026-11-24T10:60", null],
  ["2026-11-24T10", null],
  ["2026-11-24T10:00:00+25:00", null],
  ["2026-11-24Z", null],
  ["20261124T100000Z", "2026-11-24T10:00:00.000Z"],
  ["20241124T1300", "2024-11-24T13:00:00.000Z"],
  ["20241124T1300+0200", "2024-11-24T11:00:00.000Z"],
  ["20241324T1300", null],
  ["@1732431234", "2024-11-24T06:53:54.000Z"],
  ["@", null],
  ["@now", null],
  ["yesterday 14:00", "2026-03-03T14:00:00.000Z"],
  ["today 9:30", "2026-03-04T09:30:00.000Z"],
  ["today 24:30", null],
  ["tomorrow 9:30", null],
  ["1h30m", "2026-03-04T03:36:07.089Z"],
  ["24.11.2026", null],
  ["11/24/2026", null],
  ["Nov 24 2026", null],
  ["2026", null],
  ["-5", null],
  ["12345678901234", null],
  ["1732431234567.5", null],
  ["--2h", null],
  ["tomorrow", null],
  ["NOW", null],
  ["", null],
  ["NaN", null],
];

for (const [text, iso] of times) {
  Deno.test(`parseTime() reads "${text}" as ${iso ?? "nothing"}`, () => {
    const ms = parseTime(text, NOW);
    assertEquals(ms === null ? null : new Date(ms).toISOString(), iso);
  });
}

Deno.test("formatCount() puts spaces between thousands", () => {
  const counts = [0, 7, 999, 1_000, 12_400, 1_234_567, 1_000_000_000];
  assertEquals(counts.map(formatCount), [
    "0",
    "7",
    "999",
    "1 000",
    "12 400",
    "1 234 567",
    "1 000 000 000",
  ]);
});

Deno.test("formatClock() shows time that has passed", () => {
  const clocks = [0, 999, 7_000, 59_999, 60_000, 720_000, HOUR, HOUR + 123_000, 100 * HOUR];
  assertEquals(clocks.map(formatClock), [
    "0:00",
    "0:00",
    "0:07",
    "0:59",
    "1:00",
    "12:00",
    "1:00:00",
    "1:02:03",
    "100:00:00",
  ]);
});

Deno.test("parseDuration() takes no endless row of digits", () => {
  assertEquals(parseDuration("9".repeat(400) + "s"), null);
});

Deno.test("Rate.at() tells the growth a second since the beginning, at first", () => {
  const rate = new Rate();
  assertEquals(rate.at(0, 0), 0);
  assertEquals(rate.at(500, 100), 200);
  assertEquals(rate.at(2_000, 1_000), 500);
});

Deno.test("Rate.at() forgets what is more than five seconds ago", () => {
  const rate = new Rate();
  for (let ms = 100; ms <= 60_000; ms += 100) rate.at(ms, ms);
  assertEquals(rate.at(60_100, 60_100), 1_000);
  for (let ms = 60_200; ms < 66_000; ms += 100) rate.at(ms, 60_100);
  assertEquals(rate.at(66_000, 60_100), 0);
});

Deno.test("formatCourse() tells how long it goes, and still", () => {
  assertEquals(formatCourse(7_400, Infinity), "0:07");
  assertEquals(formatCourse(7_400, 1_200), "0:07 · 0:02 left");
  assertEquals(formatCourse(3_600_000, 90_000_000), "1:00:00 · 25:00:00 left");
});

Deno.test("status() tells the time left where there is an end, and none where nothing moves", () => {
  const tally = {
    read: 12_404,
    stored: 12_400,
    rejected: 4,
    reasons: {},
    tombstones: 0,
    lag: 3_112,
    seconds: 7,
  };
  const line = "stored 12 400 · 1 830/s · lag 3 112 · rejected 4 · 0:07";
  assertEquals(status(tally, { perSecond: 1_830.4, ends: false, known: null }), line);
  assertEquals(
    status(tally, { perSecond: 1_830.4, ends: true, known: null }),
    `${line} · 0:02 left`,
  );
  assertEquals(
    status(tally, { perSecond: 0, ends: true, known: null }),
    "stored 12 400 · 0/s · lag 3 112 · rejected 4 · 0:07",
  );
  const unknown = (known: { lag: number; ageMs: number } | null) =>
    status({ ...tally, lag: null }, { perSecond: 1_830.4, ends: true, known });
  assertEquals(unknown(null), "stored 12 400 · 1 830/s · lag ? · rejected 4 · 0:07");
  assertEquals(
    unknown({ lag: 27_000, ageMs: 23_400 }),
    "stored 12 400 · 1 830/s · lag ? (27 000, 23 s ago) · rejected 4 · 0:07",
  );
});

const zoned: [text: string, zone: string, iso: string][] = [
  ["2026-07-01T12:00", "Europe/Helsinki", "2026-07-01T09:00:00.000Z"],
  ["2026-01-01T12:00", "Europe/Helsinki", "2026-01-01T10:00:00.000Z"],
  ["2026-07-01T12:00Z", "Europe/Helsinki", "2026-07-01T12:00:00.000Z"],
  ["today", "Europe/Helsinki", "2026-03-03T22:00:00.000Z"],
  ["yesterday 14:00", "Asia/Kolkata", "2026-03-03T08:30:00.000Z"],
  ["14:00", "Asia/Kolkata", "2026-03-04T08:30:00.000Z"],
  // The clock goes from 3:00 to 4:00 there; and from 4:00 back to 3:00.
  ["2026-03-29T02:59", "Europe/Helsinki", "2026-03-29T00:59:00.000Z"],
  ["2026-03-29T04:00", "Europe/Helsinki", "2026-03-29T01:00:00.000Z"],
  ["2026-10-25T04:01", "Europe/Helsinki", "2026-10-25T02:01:00.000Z"],
  ["today", "America/New_York", "2026-03-04T05:00:00.000Z"],
];

for (const [text, zone, iso] of zoned) {
  Deno.test(`parseTime() reads "${text}" in ${zone} as ${iso}`, () => {
    assertEquals(new Date(parseTime(text, NOW, zone)!).toISOString(), iso);
  });
}

const rates: [perSecond: number, text: string][] = [
  [0, "0/s"],
  [0.0000001, "below 0.001/s"],
  [0.0333, "0.033/s"],
  [0.5, "0.5/s"],
  [1, "1/s"],
  [9.96, "10/s"],
  [10.4, "10/s"],
  [1830.2, "1 830/s"],
];

for (const [perSecond, text] of rates) {
  Deno.test(`a rate of ${perSecond} is written ${text}`, () => {
    assertEquals(formatRate(perSecond), text);
  });
}
