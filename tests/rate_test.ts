import { assertEquals } from "@std/assert";
import { formatCourse, Rate } from "../src/rate.ts";
import { status } from "../src/tally.ts";

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
  assertEquals(status(tally, { perSecond: 1_830.4, ends: false }), line);
  assertEquals(status(tally, { perSecond: 1_830.4, ends: true }), `${line} · 0:02 left`);
  assertEquals(
    status(tally, { perSecond: 0, ends: true }),
    "stored 12 400 · 0/s · lag 3 112 · rejected 4 · 0:07",
  );
});
