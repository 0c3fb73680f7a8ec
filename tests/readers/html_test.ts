import { assert, assertEquals } from "@std/assert";
import { html } from "../../src/formats/html.ts";
import { svg } from "../../src/formats/svg.ts";
import { sampleFixes } from "../formats/sample_fixes.ts";
import { render } from "../formats/support.ts";
import { inBrowser, type Page, PHONE } from "./browser.ts";
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
  "the page tells no distance of a user with one fix",
  () =>
    inBrowser(render(html, {}, [[7, 0, 60, 25], [8, 0, 60, 25], [8, 60, 60, 25]]), async (page) => {
      await frame(page);
      assertEquals((await text(page, "#legend")).trim().split(/\n+/), [
        "user 7",
        "user 8",
        "0.0 km",
      ]);
      const titles = "[...document.querySelectorAll('#legend button')].map(({ title }) => title)";
      const [one, two] = await page.evaluate<string[]>(titles);
      assert(one!.startsWith("1 fix; ") && two!.startsWith("2 fixes; "), `${one} ${two}`);
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
  "the page shows times by the clock of its zone, also when that changes",
  () => {
    // The clock goes back at 01:00 UTC on 25 October 2026.
    const changed = Date.parse("2026-10-25T01:00:00Z") / 1000;
    const rows = [[7, changed - 1800, 60, 25], [7, changed + 1800.25, 60, 25.01]];
    return inBrowser(render(html, { tz: "Europe/Helsinki" }, rows), async (page) => {
      await frame(page);
      assertEquals((await text(page, "#summary")).split("\n").slice(1), [
        "2026-10-25 03:30 Europe/Helsinki",
        "to 2026-10-25 03:30 Europe/Helsinki",
      ]);
      assertEquals(await page.evaluate("shown(times[1])"), "2026-10-25 03:30:00.250");
      assertEquals(await page.evaluate("shown(-0.5e3 - 86400e3)"), "1969-12-31 01:59:59.500");
      assertNoRequests(page);
    });
  },
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

chromium(
  "on a phone, 390 pixels wide, the legend is beside the tracks and works with a finger",
  () => {
    const many = Array.from(
      { length: 40 },
      (_, user) => [0, 1].map((i) => [user + 1, i * 60, 60 + user / 100, 25 + i / 5]),
    ).flat();
    return inBrowser(render(html, {}, many), async (page) => {
      await frame(page);
      type Edges = Record<"left" | "right" | "top" | "bottom", number>;
      const edges = (selector: string) =>
        page.evaluate<Edges>(
          `document.querySelector("${selector}").getBoundingClientRect().toJSON()`,
        );
      const [about, legend, nav] = [
        await edges("#about"),
        await edges("#legend"),
        await edges("nav"),
      ];
      assert(about.left >= 0 && about.right < nav.left && nav.right <= 390, JSON.stringify(about));
      assertEquals(await page.evaluate("innerWidth"), 390);
      // Every track is below the legend.
      const top = await page.evaluate<number>("y(Math.max(...latitudes))");
      const bottom = await page.evaluate<number>("y(Math.min(...latitudes))");
      assert(top > about.bottom && bottom < 844 - 20, `${top} ${bottom}`);

      const pressed = () =>
        page.evaluate<number>(`document.querySelectorAll("#legend [aria-pressed=true]").length`);
      const button = await edges("#legend button:nth-child(2)");
      assert(button.bottom - button.top >= 40 && button.bottom <= legend.bottom);
      const [x, y] = [(button.left + button.right) / 2, (button.top + button.bottom) / 2];
      await page.tap(x, y);
      assertEquals(await pressed(), 39);
      // A second touch: only this user.
      await page.tap(x, y);
      assertEquals(await pressed(), 1);
      await page.evaluate(`tracks[1].button.ondblclick(new MouseEvent("dblclick"))`);
      assertEquals(await pressed(), 40);
      // The last user is reached by scrolling.
      const last = "document.querySelector('#legend button:last-child')";
      await page.evaluate(`${last}.scrollIntoView()`);
      const { bottom: end } = await edges("#legend button:last-child");
      assert(end <= legend.bottom + 1, `${end} ${legend.bottom}`);

      await page.tap(await page.evaluate("x(eastings[0])"), await page.evaluate("y(latitudes[0])"));
      await frame(page);
      assertEquals((await text(page, "#tip")).split("\n")[0], "user 1");
      const tip = await edges("#tip");
      assert(tip.left >= 0 && tip.right <= 390, JSON.stringify(tip));
      assertNoRequests(page);
    }, PHONE);
  },
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

/** The pixels of user n's colour in the drawing itself, without legend; a circle of 6 with its rim has about 80. */
const PIXELS = `(async () => {
  const drawing = document.querySelector("svg");
  const image = new Image();
  image.src = "data:image/svg+xml," +
    encodeURIComponent(new XMLSerializer().serializeToString(drawing));
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
  canvas.drawImage(image, 0, 0);
  const bottom = 56 + Number(document.querySelector("svg svg").getAttribute("height"));
  const { data } = canvas.getImageData(0, 0, image.width, bottom);
  const counts = [0, 0, 0];
  const colors = [[11, 98, 196], [207, 70, 14], [0, 0, 0]];
  for (let i = 0; i < data.length; i += 4) {
    const at = colors.findIndex((rgb) => rgb.every((part, n) => Math.abs(part - data[i + n]) < 8));
    if (at >= 0) counts[at]++;
  }
  return counts.slice(0, 2);
})()`;

chromium("a browser draws svg: users with one fix are visible, and single fixes of a track", () => {
  const rows = [[7, 0, 60, 25], [8, 0, 60, 25.5], [8, 90_000, 60.1, 25.2], [
    8,
    180_000,
    60.1,
    25.8,
  ]];
  const box = { west: 25, south: 60, east: 25.8, north: 60.1 };
  const extent = { fixes: 4, users: 2, first: 0, last: 180_000, box };
  return inBrowser(render(svg, { extent }, rows), async (page) => {
    const [one, three] = await page.evaluate<[number, number]>(PIXELS);
    assert(one > 60, `${one}`);
    // Two spots more, a little smaller.
    assert(three > one + 2 * 20, `${one} ${three}`);
    assertEquals(page.errors, []);
  });
});

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

chromium("the page draws coasts in a wide view, and a small area has none", async () => {
  /** Pixels in the colour of coasts. */
  const coast = `(() => {
    const [r, g, b] = [0xa9, 0xa4, 0x98];
    const { data: all } = context.getImageData(0, 0, canvas.width, canvas.height);
    let found = 0;
    for (let i = 0; i < all.length; i += 4) {
      if (Math.abs(all[i] - r) + Math.abs(all[i + 1] - g) + Math.abs(all[i + 2] - b) < 12) found++;
    }
    return found;
  })()`;
  const baltic = render(html, {}, [[7, 0, 59.3, 18.1], [7, 60, 60.2, 24.9]]);
  await inBrowser(baltic, async (page) => {
    await frame(page);
    assert(Number(await page.evaluate(coast)) > 300);
    await page.evaluate("zoom(50)");
    await frame(page);
    assertEquals(await page.evaluate(coast), 0);
  });
  const city = render(html, {}, [[7, 0, 60.1, 24.9], [7, 60, 60.2, 25.0]]);
  assert(city.length < baltic.length - 40_000, "the text of the coasts");
});
