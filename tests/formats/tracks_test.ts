import { assertEquals } from "@std/assert";
import type { Fix } from "../../src/record/geo.ts";
import { type Pen, tracks } from "../../src/formats/tracks.ts";

/** Writes users, segments in brackets, and the times of fixes. */
const pen: Pen = {
  head: "",
  user: (userID) => `${userID}`,
  segment: () => "[",
  fixes: (run: Fix[]) => run.map(({ timestamp }) => timestamp).join(" ") + ";",
  endSegment: () => "]",
  endUser: () => " ",
  tail: () => ".",
};

function draw(options: { gapS?: number; simplifyM?: number }, ...batches: number[][][]): string {
  const format = tracks({ gapS: 10, simplifyM: null, ...options }, pen);
  return format.head + batches.map((batch) => format.rows(batch)).join("") + format.tail();
}

const at = (user: number, ...times: number[]) => times.map((time) => [user, time, 60, time / 1e3]);

Deno.test("tracks() draws one user after another and splits tracks at gaps", () => {
  assertEquals(draw({}), ".");
  assertEquals(draw({}, [], at(1, 0), []), "1[0;] .");
  assertEquals(draw({}, at(1, 0, 10, 20.5), at(2, 20.5)), "1[0 10;][20.5;] 2[20.5;] .");
  // Newest first, as with --reverse.
  assertEquals(draw({}, at(1, 30, 25, 5)), "1[30 25;][5;] .");
});

Deno.test("tracks() continues a segment in the next batch without keeping it in memory", () => {
  const format = tracks({ gapS: 10, simplifyM: null }, pen);
  assertEquals(format.rows(at(1, 0, 5)), "1[0 5;");
  assertEquals(format.rows(at(1, 10)), "10;");
  assertEquals(format.rows(at(2, 10)), "] 2[10;");
  assertEquals(format.tail(), "] .");
});

Deno.test("tracks() skips invalid coordinates and times", () => {
  const rows = [
    [1, 0, NaN, 5],
    [1, 1, 1, Infinity],
    [1, 2, 90.1, 0],
    [1, 3, 0, -180.1],
    [1, NaN, 0, 0],
    [1, -Infinity, 0, 0],
  ];
  assertEquals(draw({}, rows), ".");
  assertEquals(draw({}, [...rows, [2, 4, 90, 180]]), "2[4;] .");
});

Deno.test("tracks() simplifies each segment separately, independent of batches", () => {
  // Along a meridian and back: only the ends and the turn are needed.
  const rows = [0, 1, 2, 3, 2, 1].map((north, i) => [1, i, north / 100, 25]);
  const later = rows.map(([user, time, ...place]) => [user!, time! + 100, ...place]);
  for (const size of [1, 2, 5, 12]) {
    const all = [...rows, ...later];
    const batches = Array.from(
      { length: Math.ceil(12 / size) },
      (_, i) => all.slice(i * size, (i + 1) * size),
    );
    assertEquals(draw({ simplifyM: 5 }, ...batches), "1[0 3 5;][100 103 105;] .", `${size}`);
  }
});

Deno.test("tracks() simplifies a long segment in parts that share their ends", () => {
  const straight = Array.from({ length: 250_000 }, (_, i) => [1, i, i / 1e4, 25]);
  const text = draw(
    { simplifyM: 1 },
    straight.slice(0, 100_001),
    straight.slice(100_001),
  );
  assertEquals(text, "1[0;99999;199998 249999;] .");
});
