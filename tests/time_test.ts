import { assertEquals } from "@std/assert";
import { formatClock, formatCount, parseDuration, parseTime } from "../src/time.ts";
import { drawFrom } from "./random.ts";

const now = Date.UTC(2024, 10, 24, 12, 34, 56, 789);
const hour = 3_600_000;

const durations: [text: string, ms: number | null][] = [
  ["500ms", 500],
  ["10s", 10_000],
  ["9m", 540_000],
  ["1h", hour],
  ["1.5h", 1.5 * hour],
  ["7d", 168 * hour],
  ["0s", 0],
  [" 1s ", 1_000],
  ...["", "1", "s", "1 s", "-1s", "+1s", "1e3s", ".5s", "1.s", "1S", "1w", "1h30m", "NaNs"]
    .map((text): [string, null] => [text, null]),
  ["9".repeat(400) + "s", null],
];
for (const [text, ms] of durations) {
  Deno.test(`parseDuration() of ${JSON.stringify(text.slice(0, 20))} is ${ms}`, () => {
    assertEquals(parseDuration(text), ms);
  });
}

const times: [text: string, ms: number | string | null][] = [
  ["now", now],
  ["today", "2024-11-24T00:00:00.000Z"],
  ["yesterday", "2024-11-23T00:00:00.000Z"],
  ["2h", now - 2 * hour],
  ["-2h", now - 2 * hour],
  ["0", 0],
  ["1732431234", 1732431234000],
  ["1732431234.567", 1732431234567],
  ["1732431234567", 1732431234567],
  ["2024-02-29", "2024-02-29T00:00:00.000Z"],
  ["2024-02-29 10:20", "2024-02-29T10:20:00.000Z"],
  ["2024-02-29T10:20:30", "2024-02-29T10:20:30.000Z"],
  ["2024-02-29t10:20:30.5z", "2024-02-29T10:20:30.500Z"],
  ["2024-02-29T10:20:30.123456789Z", "2024-02-29T10:20:30.123Z"],
  ["2024-02-29T10:20+02:00", "2024-02-29T08:20:00.000Z"],
  ["2024-02-29T10:20-0530", "2024-02-29T15:50:00.000Z"],
  ...[
    "",
    "2023-02-29",
    "2024-02-31T10:00",
    "2024-13-01",
    "2024-1-1",
    "2024-02-29T25:00",
    "2024-02-29T10:60",
    "2024-02-29T10",
    "2024-02-29T10:20+2",
    "24/11/2024",
    "Nov 24 2024",
    "tomorrow",
    "--2h",
    "-5",
    "1e9",
    "NaN",
    "12345678901234",
  ].map((text): [string, null] => [text, null]),
];
for (const [text, expected] of times) {
  Deno.test(`parseTime() of ${JSON.stringify(text)} is ${expected}`, () => {
    const ms = typeof expected === "string" ? Date.parse(expected) : expected;
    assertEquals(parseTime(text, now), ms);
  });
}

Deno.test("parseTime() takes seconds with a fraction to the exact millisecond", () => {
  const draw = drawFrom(3);
  for (let i = 0; i < 10_000; i++) {
    const seconds = 1_600_000_000 + draw(200_000_000);
    const ms = draw(1_000);
    const text = `${seconds}.${String(ms).padStart(3, "0")}`;
    assertEquals(parseTime(text, now), seconds * 1000 + ms, text);
  }
});

Deno.test("formatCount() groups by three", () => {
  assertEquals([0, 999, 1000, 12_400, 1_234_567, -123, -1234].map(formatCount), [
    "0",
    "999",
    "1 000",
    "12 400",
    "1 234 567",
    "-123",
    "-1 234",
  ]);
});

Deno.test("formatClock() shows hours only when there are some", () => {
  const shown = [0, 999, 7_000, 59_999, 720_000, hour - 1, 3_723_000, 100 * hour].map(formatClock);
  assertEquals(shown, ["0:00", "0:00", "0:07", "0:59", "12:00", "59:59", "1:02:03", "100:00:00"]);
});
