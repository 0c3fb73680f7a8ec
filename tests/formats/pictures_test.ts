import { assert, assertEquals } from "@std/assert";
import { degreesText, distanceText, niceBelow, openFrame } from "../../src/formats/frame.ts";
import { html } from "../../src/formats/html.ts";
import { map } from "../../src/formats/map.ts";
import { svg } from "../../src/formats/svg.ts";
import type { Extent } from "../../src/record/geo.ts";
import { sampleFixes } from "./sample_fixes.ts";
import { extentOf, lines, picture, render } from "./support.ts";

const corner = [[1, 0, 60, 24], [1, 60, 60, 25], [1, 120, 60.2, 25], [2, 60, 60.2, 24]];

Deno.test("map() draws tracks in braille, with a frame, a scale and a legend", () => {
  assertEquals(
    picture(map, { width: 40 }, corner),
    lines(
      "┌─ 60.22°N ────────────────────────────┐",
      "│  ⢀                                ⡀  │",
      "│                                   ⡇  │",
      "│                                   ⡇  │",
      "│                                   ⡇  │",
      "│                                   ⡇  │",
      "│                                   ⡇  │",
      "│                                   ⡇  │",
      "│  ⠐⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠒⠃  │",
      "└─ 59.98°N 23.91°E ────────── 25.09°E ─┘",
      " ├────┤ 10 km",
      " 4 fixes, 1970-01-01 00:00 to 00:02 UTC",
      " users 1 2",
    ),
  );
});

Deno.test("map() gives each user a colour, also in the legend", () => {
  const text = picture(map, { width: 40, color: true }, corner);
  assert(text.includes("\x1b[38;5;33m⠒\x1b[39m"));
  assert(text.includes("\x1b[38;5;208m⢀\x1b[39m"));
  assert(text.endsWith(" \x1b[38;5;33m●\x1b[39m 1  \x1b[38;5;208m●\x1b[39m 2\n"));
});

Deno.test("map() uses only ASCII on a terminal without Unicode", () => {
  const text = picture(map, { width: 40, unicode: false }, corner);
  assert(/^[\n\x20-\x7e]*$/.test(text), text);
  // A file can contain Unicode.
  assert(picture(map, { width: null, unicode: false }, corner).includes("⠒"));
});

Deno.test("map() joins the lines of two batches", () => {
  const options = { extent: extentOf(corner), unicode: true, width: 40 };
  const [first, ...rest] = corner.map((row) => [row]);
  assertEquals(render(map, options, first!, ...rest), picture(map, { width: 40 }, corner));
});

Deno.test("the legend of map() names as many users as fit into the line", () => {
  const rows = Array.from({ length: 50 }, (_, i) => [i + 1_000_000, 0, 60 + i / 100, 24]);
  for (const width of [40, 80, 200, 300]) {
    const [legend, ...body] = picture(map, { width }, rows).trimEnd().split("\n").reverse();
    assert(legend!.length <= width, legend);
    const named = legend!.match(/ 10000\d\d/g)!.length;
    assert(legend!.endsWith(` and ${50 - named} more`), legend);
    const framed = body.filter((line) => /^[┌│└]/.test(line));
    assertEquals(new Set(framed.map((line) => line.length)).size, 1);
  }
});

Deno.test("map() with its legend, the title of --watch and the next prompt fits the terminal", () => {
  const tall = [[1, 0, 60, 24], [1, 60, 61, 24.01], [2, 1e9, 60.5, 24]];
  const wide = [[1, 0, 60, 24], [1, 60, 60.01, 26], [2, 1e9, 60, 25]];
  for (const rows of [tall, wide, corner]) {
    for (const width of [40, 80, 132, 200]) {
      for (const height of [9, 24, 40, 60]) {
        const shown = picture(map, { width, height }, rows).split("\n");
        assert(shown.length <= height - 1, `${shown.length} lines at ${width} x ${height}`);
        const long = shown.filter((line) => line.length > Math.max(width, 60));
        assertEquals(long, [], `${width} x ${height}`);
      }
    }
  }
  // The height is used, too.
  assertEquals(picture(map, { width: 80, height: 60 }, tall).split("\n").length, 59);
});

const extremes: [what: string, rows: number[][]][] = [
  ["nothing", []],
  ["one fix", [[7, 0, 60, 25]]],
  ["the north pole", [[7, 0, 90, 0], [7, 10, 89.9999, 180]]],
  ["the whole world", [[7, 0, -90, -180], [7, 10, 90, 180], [7, 20, 0, 0]]],
  ["180°", [[7, 0, -17, 179.9], [7, 10, -17.1, -179.9]]],
  ["one place", [[7, 0, 1, 2], [7, 10, 1, 2], [8, 0, 1, 2]]],
  ["the sample fixes", sampleFixes],
];

for (const [what, rows] of extremes) {
  Deno.test(`map(), svg() and html() draw ${what}`, () => {
    for (const open of [map, svg, html]) {
      const text = picture(open, { width: 80 }, rows).replace("const tiles = null;", "");
      assertEquals(/\b(NaN|Infinity|undefined|null)\b/.test(text.split("<script>\n//")[0]!), false);
    }
    // Coasts go on outside, where they are not drawn.
    const text = picture(svg, {}, rows).replace(/<path class="coast".*/g, "");
    const spots = [...text.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)];
    for (const [, x, y] of spots) {
      assert(Math.abs(Number(x) - 500) <= 500.1 && Number(y) >= 0 && Number(y) <= 1_000);
    }
  });
}

Deno.test("svg() is self-contained: style, tracks with titles, scale and legend", () => {
  const text = picture(svg, {}, corner);
  assertEquals(text.match(/https?:[^"]*/g), ["http://www.w3.org/2000/svg"]);
  assert(text.includes("2 users · 4 fixes, 1970-01-01 00:00 to 00:02 UTC"));
  assert(/<g class="c0"><title>user 1<\/title>\n<path class="t" d="M[\d.]+ [\d.]+L/.test(text));
  assert(text.includes(">10 km</text>") && text.includes(">user 2</text>"));
});

Deno.test("svg() draws a single fix as a circle: alone, between two gaps, and in a batch of its own", () => {
  const circles = (
    text: string,
  ) => [...text.matchAll(/<circle cx="[^"]*" cy="[^"]*" r="([^"]*)"/g)];
  const radii = (text: string) => circles(text.split(`class="scale"`)[0]!).map(([, r]) => r);
  const pair = [[1, 0, 60, 24], [1, 60, 60.1, 24]];
  assertEquals(radii(picture(svg, {}, [[7, 0, 60, 25]])), ["4", "6"]);
  assertEquals(radii(picture(svg, {}, pair)), ["6"]);
  const gaps = [...pair, [1, 90_000, 60, 25], [1, 180_000, 60, 26], [1, 180_060, 60, 26.1]];
  assertEquals(radii(picture(svg, {}, gaps)), ["4", "6"]);
  const options = { extent: extentOf(pair), unicode: true };
  assertEquals(radii(render(svg, options, [pair[0]!], [pair[1]!])), ["6"]);
});

Deno.test("map(), svg() and html() show the zone of their times", () => {
  const rows = [[1, 0, 60, 24], [1, 5_400, 60.1, 24]];
  const expected = "1970-01-01 02:00 to 03:30 Europe/Helsinki";
  for (const open of [map, svg]) {
    assert(picture(open, { width: 80, tz: "Europe/Helsinki" }, rows).includes(expected));
  }
  const page = picture(html, { tz: "Europe/Helsinki" }, rows);
  assert(page.includes(`const zone = "Europe/Helsinki";`));
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions();
  assert(picture(svg, { tz: "local" }, rows).includes(` ${timeZone}</text>`));
});

Deno.test("svg() omits points that are too close to see, except the last", () => {
  const closeFixes = Array.from({ length: 1_000 }, (_, i) => [1, i, 60 + i * 1e-8, 24]);
  const text = picture(svg, {}, [...closeFixes, [1, 1_000, 61, 25]]);
  assert(text.length < 6_000, `${text.length}`);
});

Deno.test("html() contains every fix, to a centimetre and a millisecond", () => {
  const text = picture(html, {}, sampleFixes);
  const [, script] = /<script>\n(const palette.*?)<\/script>/s.exec(text)!;
  const data: { user: number; segments: number[][][] }[] = new Function(`${script}return data`)();
  const rows = data.flatMap(({ user, segments }) =>
    segments.flat().flatMap((run) => {
      let [time, north, east] = [0, 0, 0];
      return Array.from({ length: run.length / 3 }, (_, i) => {
        [time, north, east] = [time + run[3 * i]!, north + run[3 * i + 1]!, east + run[3 * i + 2]!];
        return [user, time / 1e3, north / 1e7, east / 1e7];
      });
    })
  );
  assertEquals(rows, sampleFixes);
  assertEquals(data.map(({ segments }) => segments.length), [2, 1, 2]);
});

Deno.test("html() loads nothing, and its program is one script", () => {
  const text = picture(html, {}, corner);
  assertEquals(text.match(/https?:|src=|url\(|@import|fetch\(|^(?:im|ex)port /gm), null);
  assert(text.includes("default-src 'none'"));
  const scripts = [...text.matchAll(/<script>(.*?)<\/script>/gs)].map(([, script]) => script!);
  assertEquals(scripts.length, 2);
  for (const script of scripts) new Function(script);
});

Deno.test("openFrame() centres a box, true to scale in the middle", () => {
  const size = { width: 220, height: 120, margin: 10 };
  const frame = openFrame({ west: 20, south: 59, east: 24, north: 61 }, size);
  assertEquals(frame.spot(22, 60), [110, 60]);
  const [[east], [, south]] = [frame.spot(23, 60), frame.spot(22, 59)];
  assert(Math.abs((east - 110) / (south - 60) - 0.5) < 1e-9);
  assert(Math.abs(frame.metres * (south - 60) - 111_195) < 1);
});

Deno.test("openFrame() draws all longitudes of a pole in one place", () => {
  const size = { width: 200, height: 100, margin: 10 };
  const frame = openFrame({ west: 0, south: 90, east: 180, north: 90 }, size);
  for (const longitude of [0, 90, 180]) {
    assertEquals(frame.spot(longitude, 90).map(Math.round), [100, 50]);
  }
});

Deno.test("openFrame() draws lines the shorter way around, and cuts them on the far side", () => {
  const size = { width: 380, height: 200, margin: 10 };
  const fix = (longitude: number) => ({ timestamp: 0, latitude: 0, longitude });
  const linesIn = (box: Extent["box"], ...longitudes: number[]) =>
    openFrame(box, size).lines(longitudes.map(fix)).map((line) => line.map(([x]) => Math.round(x)));
  const whole = { west: -180, south: -90, east: 180, north: 90 };
  assertEquals(linesIn(whole, 170, -170), [[360, 370], [10, 20]]);
  assertEquals(linesIn({ ...whole, west: 0, east: -0.001 }, 170, -170), [[180, 200]]);
  assertEquals(linesIn({ ...whole, west: 0, east: -0.001 }, -10, 10), [[360, 370], [10, 20]]);
});

Deno.test("numbers on a picture are round and have no unnecessary digits", () => {
  assertEquals([0.9, 1, 4.9, 5, 30, 0.03].map(niceBelow), [0.5, 1, 2, 5, 20, 0.02]);
  assertEquals([500, 1000, 20_000, 0.5].map(distanceText), ["500 m", "1 km", "20 km", "0.5 m"]);
  const cases: [number, "latitude" | "longitude", number, string][] = [
    [60.17, "latitude", 0.01, "60.17°N"],
    [-0.5, "latitude", 0.5, "0.5°S"],
    [0, "longitude", 10, "0°"],
    [190, "longitude", 10, "170°W"],
    [-190, "longitude", 10, "170°E"],
    [180, "longitude", 10, "180°"],
    [24.9384, "longitude", 0.002, "24.938°E"],
  ];
  for (const [value, axis, step, expected] of cases) {
    assertEquals(degreesText(value, axis, step), expected);
  }
});
