import { assert, assertEquals } from "@std/assert";
import { html } from "../../src/formats/html.ts";
import { PALETTE } from "../../src/formats/palette.ts";
import { render } from "../formats/support.ts";
import { inBrowser, type Page } from "./browser.ts";
import { readerTest } from "./reader.ts";
import { assertAligned, colorsAt, tilesArrived, withTileServer } from "./tiles.ts";

const chromium = (name: string, fn: () => Promise<void>) =>
  readerTest("chromium", "chromium", name, fn);

type Place = [latitude: number, longitude: number];
/** One user at each place, whose fix is a dot. */
const users = (...places: Place[]) => places.map((place, i) => [i + 1, 1_700_000_000, ...place]);

const LIGHT = PALETTE.map(({ light }) =>
  [1, 3, 5].map((at) => parseInt(light.slice(at, at + 2), 16))
);

/** Checks that the dot of a user lies where the page says, and the tiles around it where they belong. */
async function assertDot(page: Page, i: number, [latitude, longitude]: Place): Promise<void> {
  const spot = await page.evaluate<number[]>(
    `[x(wrap(${longitude} - origin.longitude)), y(${latitude})].map(Math.round)`,
  );
  const [color] = await colorsAt(page, [spot]);
  assertEquals(color!.slice(0, 3), LIGHT[i]);
  await assertAligned(page, latitude, longitude);
}

const cases: [name: string, places: Place[]][] = [
  ["in one place, closer than the closest tiles", [[60.1699, 24.9384]]],
  ["in a city at 60° north", [[60.17, 24.94], [60.19, 25.08]]],
  ["at the equator and at 60° north", [[0, 10], [60, 20]]],
  ["in the south and west", [[-54.8, -68.3], [-33.45, -70.67]]],
  ["on both sides of 180°", [[-16.8, 179.2], [-17.4, -178.9]]],
  ["all around the Earth", [[64.1, -150], [-36.9, 174.8], [0, 20], [80, 60]]],
];
for (const [name, places] of cases) {
  chromium(
    `fixes ${name} lie on the right pixels of the right tiles`,
    () =>
      withTileServer((tiles, asked) =>
        inBrowser(render(html, { tiles }, users(...places)), async (page) => {
          await tilesArrived(page);
          for (const [i, place] of places.entries()) await assertDot(page, i, place);
          // Also after a drag and a zoom.
          await page.mouse("mousePressed", 800, 600);
          await page.mouse("mouseMoved", 830, 570);
          await page.mouse("mouseReleased", 830, 570);
          const scale = await page.evaluate<number>("view.scale");
          await page.wheel(700, 400, 130);
          await page.evaluate(`(async () => {
          while (view.scale === ${scale}) await new Promise(requestAnimationFrame);
        })()`);
          await tilesArrived(page);
          for (const [i, place] of places.entries()) await assertDot(page, i, place);
          assertEquals(page.errors, []);
          const origin = new URL(tiles.url).origin;
          const others = page.requests.filter((url) => !url.startsWith(`${origin}/`));
          assertEquals(others.filter((url) => !/^(file:.*page\.html|data:)/.test(url)), []);
          assert(asked.every(({ path }) => /^\/\d+\/\d+\/\d+$/.test(path)), JSON.stringify(asked));
        })
      ),
  );
}

chromium(
  "with tiles, the pointer keeps its place in a zoom, and the scale bar is true",
  () =>
    withTileServer((tiles) =>
      inBrowser(render(html, { tiles }, users([60, 10], [70, 30])), async (page) => {
        const under = async () => {
          await page.mouse("mouseMoved", 700, 200);
          return await page.evaluate<string>(`document.getElementById("pointer").textContent`);
        };
        const before = await under();
        await page.wheel(700, 200, -200);
        assertEquals(await under(), before);
        await tilesArrived(page);
        // The length of the bar, measured in the middle of the window.
        const [metres, label] = await page.evaluate<[number, string]>(`(() => {
        const [bar, text] = document.getElementById("scale").children;
        const half = parseFloat(bar.style.width) / 2;
        const middle = latitudeAt(size.height / 2);
        const [west, east] = [-half, half].map((by) => eastingAt(size.width / 2 + by));
        return [metresBetween(middle, west, middle, east), text.textContent];
      })()`);
        const [, number, unit] = /^(\d+) (km|m)$/.exec(label)!;
        const said = Number(number) * (unit === "km" ? 1_000 : 1);
        assert(Math.abs(metres / said - 1) < 0.01, `${metres} ${label}`);
      })
    ),
);

chromium("a tile that fails leaves the paper, and the page goes on", () =>
  withTileServer(
    (tiles) =>
      inBrowser(render(html, { tiles }, users([10, 10], [20, 30])), async (page) => {
        await tilesArrived(page);
        const shown = await page.evaluate<number>(
          `[...tileImages.values()].filter((one) => one.naturalWidth).length`,
        );
        assert(shown > 0);
        const missing = await page.evaluate<number[][]>(`(() => {
          const level = Math.round(Math.log2(view.scale * 360 / 256));
          const span = 360 / 2 ** level;
          const [column, row] = [Math.floor((20 + 180) / span), Math.floor((180 - northOf(15)) / span)];
          const odd = column % 2 ? column : column + 1;
          const middle = [x((odd + 0.5) * span - 180 - origin.longitude), yOf(180 - (row + 0.4) * span)];
          return [middle.map(Math.round)];
        })()`);
        const [color] = await colorsAt(page, missing);
        assertEquals(color, [0xfb, 0xfa, 0xf7, 255]);
        assert(page.errors.every((line) => line.includes("404")), page.errors.join());
      }),
    (_z, x) => x % 2 === 1,
  ));

chromium("tiles name their makers", () =>
  withTileServer((tiles) => {
    const about = "https://www.openstreetmap.org/copyright";
    const osm = { ...tiles, attribution: "© OpenStreetMap contributors", about };
    return inBrowser(render(html, { tiles: osm }, users([60, 25])), async (page) => {
      await tilesArrived(page);
      const [text, href, height] = await page.evaluate<[string, string, number]>(`(() => {
        const note = document.getElementById("attribution");
        return [note.innerText, note.href, note.getBoundingClientRect().height];
      })()`);
      assertEquals([text, href], ["© OpenStreetMap contributors", about]);
      assert(height > 8);
    });
  }));

chromium(
  "without tiles the page allows no images but its own, and shows no makers",
  () =>
    inBrowser(render(html, {}, users([60, 25])), async (page) => {
      const [policy, hasNote] = await page.evaluate<[string, boolean]>(
        `[document.querySelector("meta[http-equiv]").content, $("attribution") !== null]`,
      );
      assertEquals(policy.split("; ").at(-1), "img-src data:");
      assertEquals(hasNote, false);
      await page.evaluate("new Promise((resolve) => setTimeout(resolve, REST_MS))");
      assertEquals(page.requests.filter((url) => /^https?:/.test(url)), []);
    }),
);
