import { assert, assertEquals } from "@std/assert";
import { html } from "../../src/formats/html.ts";
import { svg } from "../../src/formats/svg.ts";
import { sampleFixes } from "../formats/sample_fixes.ts";
import { render } from "../formats/support.ts";
import { inBrowser, type Page } from "./browser.ts";
import { readerTest } from "./reader.ts";

const chromium = (name: string, fn: () => Promise<void>) =>
  readerTest("chromium", "chromium", name, fn);

/** Two users; one fix of the first is exactly in the middle. */
const cross = [
  ...[-2, -1, 0, 1, 2].map((i) => [7, 1_700_000_000 + i * 60, 60, 25 + i / 100]),
  ...[-1, 1].map((i) => [8, 1_700_000_000 + i * 60, 60 + i / 100, 25.015]),
];

const extent = {
  ...{ fixes: 7, users: 2, first: 1_699_999_880, last: 1_700_000_120 },
  box: { west: 24.98, south: 59.99, east: 25.02, north: 60.01 },
};

/** Waits until the current view is drawn, which takes several frames on slow machines. */
const FRAME = `(async () => {
  do await new Promise(requestAnimationFrame);
  while (pending || ["easting", "latitude", "scale"].some((name) => drawn[name] !== view[name]));
})()`;
const frame = (page: Page) => page.evaluate<void>(FRAME);
/** Counts the coloured pixels of the canvas, those that are not grey. */
const DOTS = `(() => {
  const canvas = document.getElementById("map");
  // A copy, because reading the canvas itself would change how it is drawn.
  const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
  copy.drawImage(canvas, 0, 0);
  const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
  let [count, west, east] = [0, Infinity, -Infinity];
  for (let i = 0; i < data.length; i += 4) {
    const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
    if (data[i + 3] < 200 || Math.max(r, g, b) - Math.min(r, g, b) < 60) continue;
    count++;
    const x = i / 4 % canvas.width;
    west = Math.min(west, x);
    east = Math.max(east, x);
  }
  return { count, west, east };
})()`;
interface Dots {
  count: number;
  west: number;
  east: number;
}
const dots = (page: Page) => page.evaluate<Dots>(DOTS);
const text = (page: Page, selector: string) =>
  page.evaluate<string>(`document.querySelector("${selector}").innerText`);

/** Checks that the page requested nothing else, and that there was no error. */
function assertNoRequests({ requests, errors }: Page): void {
  assertEquals(errors, []);
  assertEquals(requests.filter((url) => !/^(file:.*page\.html|data:,)$/.test(url)), []);
}

chromium(
  "the page shows its tracks without a request to the network",
  () =>
    inBrowser(render(html, {}, cross), async (page) => {
      await frame(page);
      assertEquals((await text(page, "#summary")).split("\n"), [
        "7 fixes of 2 users",
        "2023-11-14 22:11 UTC",
        "to 2023-11-14 22:15 UTC",
      ]);
      assertEquals((await text(page, "#legend")).split("\n"), [
        "user 7",
        "2.2 km",
        "user 8",
        "2.2 km",
      ]);
      assertEquals(await text(page, "#scale"), "500 m");
      const { count, west, east } = await dots(page);
      assert(count > 1_000, `${count}`);
      // Between the legend and the right edge.
      assert(west > 270 && east < 1_280, `${west} ${east}`);
      assertNoRequests(page);
    }),
);

chromium(
  "the page shows the fix under the pointer: user, time, speed, place",
  () =>
    inBrowser(render(html, {}, cross), async (page) => {
      await frame(page);
      const { west, east } = await dots(page);
      const middle = (west + east) / 2;
      await page.mouse("mouseMoved", middle + 3, 403);
      await frame(page);
      assertEquals((await text(page, "#tip")).split("\n").filter(Boolean), [
        "user 7",
        "2023-11-14 22:13:20 UTC",
        "33.4 km/h",
        "60.0000000°N 25.0000000°E",
      ]);
      await page.mouse("mouseMoved", middle, 700);
      await frame(page);
      assertEquals(await page.evaluate(`document.getElementById("tip").hidden`), true);
      assert(/^59\.9\d+°N 25\.0000°E$/.test(await text(page, "#pointer")));
      assertNoRequests(page);
    }),
);

chromium(
  "dragging moves the page, and the wheel zooms around the pointer",
  () =>
    inBrowser(render(html, {}, cross), async (page) => {
      await frame(page);
      const before = await dots(page);
      await page.mouse("mousePressed", 800, 600);
      await page.mouse("mouseMoved", 860, 600);
      await page.mouse("mouseReleased", 860, 600);
      await frame(page);
      const after = await dots(page);
      assertEquals([after.west - before.west, after.east - before.east], [60, 60]);
      const place = async () => {
        await page.mouse("mouseMoved", 500, 300);
        await frame(page);
        return await text(page, "#pointer");
      };
      const under = await place();
      await page.wheel(500, 300, 300);
      await frame(page);
      const smaller = await dots(page);
      const ratio = (smaller.east - smaller.west) / (after.east - after.west);
      assert(Math.abs(ratio - 0.5) < 0.02, `${ratio}`);
      assertEquals(await place(), under);
      await page.evaluate(`document.getElementById("fit").click()`);
      await frame(page);
      assertEquals(await dots(page), before);
      assertNoRequests(page);
    }),
);

chromium(
  "the page hides and shows users, and has a dark theme",
  () =>
    inBrowser(render(html, {}, cross), async (page) => {
      await frame(page);
      const all = await dots(page);
      const press = async (selector: string) => {
        await page.evaluate(`document.querySelector("${selector}").click()`);
        await frame(page);
      };
      await press("#legend button");
      assert((await dots(page)).count < all.count * 0.7);
      assertEquals(
        await page.evaluate(
          `document.querySelector("#legend button").getAttribute("aria-pressed")`,
        ),
        "false",
      );
      await press("#legend button");
      assertEquals(await dots(page), all);
      const paper = () => page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      const light = await paper();
      await press("#theme");
      assert(await paper() !== light);
      assertNoRequests(page);
    }),
);

chromium("the page works with no fix, one fix, and the extremes of the Earth", async () => {
  const extremes = [[1, 0, -90, -180], [1, 10, 90, 180], [1, 20, 0, 0], [2, 1e13, 0, 0]];
  for (const rows of [[], [[7, 0, 90, 180]], extremes, sampleFixes]) {
    await inBrowser(render(html, {}, rows), async (page) => {
      await frame(page);
      assertEquals((await dots(page)).count > 0, rows.length > 0);
      await page.wheel(640, 400, -5_000);
      await page.wheel(640, 400, 10_000);
      await page.mouse("mouseMoved", 640, 400);
      await frame(page);
      assertNoRequests(page);
    });
  }
});

chromium(
  "a browser draws svg: each track is visible, in its colour",
  () =>
    inBrowser(render(svg, { extent }, cross), async (page) => {
      const tracks = await page.evaluate<string[]>(`
      [...document.querySelectorAll("path.t")].map((path) => {
        const { left, right, top, bottom } = path.getBoundingClientRect();
        const isVisible = left >= 0 && right <= 1000 && top > 50 && bottom < 1104;
        const isLong = Math.max(right - left, bottom - top) > 100;
        return (isVisible && isLong) + " " + getComputedStyle(path).stroke;
      })`);
      assertEquals(tracks, ["true rgb(11, 98, 196)", "true rgb(207, 70, 14)"]);
      assertNoRequests(page);
    }),
);

/** Drags and turns the wheel, one step per frame, or does nothing; returns the median time of a frame. */
const FRAMES = (isMoving: boolean) =>
  `(async () => {
  const map = document.getElementById("map");
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < 120; i++) {
    const where = { clientX: 640 + i % 40, clientY: 400, cancelable: true };
    const wheel = () => new WheelEvent("wheel", { ...where, deltaY: 20 - i % 2 * 40 });
    if (${isMoving}) i % 60 < 30 ? map.dispatchEvent(wheel()) : pan(i % 2 ? 7 : -6, 3);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames.sort((a, b) => a - b)[60];
})()`;

chromium(
  "the page stays fluid with 100 000 fixes",
  () =>
    inBrowser(render(html, {}, walks(100, 1_000)), async (page) => {
      await frame(page);
      // Other work on the machine makes every frame longer, even if nothing is drawn.
      const idle = await page.evaluate<number>(FRAMES(false));
      const moved = await page.evaluate<number>(FRAMES(true));
      assert(
        moved < 25 + 1.5 * idle,
        `half of the frames take more than ${moved} ms, not ${idle}`,
      );
      assertNoRequests(page);
    }),
);

/** Random walks. */
function walks(users: number, fixes: number): number[][] {
  let state = 42;
  const next = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647 - 0.5;
  return Array.from({ length: users }, (_, user) => {
    let [latitude, longitude, heading] = [60 + next() / 4, 25 + next() / 2, next() * 6];
    return Array.from({ length: fixes }, (_, i) => {
      heading += next();
      latitude += Math.cos(heading) * 5e-4;
      longitude += Math.sin(heading) * 1e-3;
      return [user, 1.7e9 + i * 5, latitude, longitude];
    });
  }).flat();
}
