import { assert, assertEquals } from "@std/assert";
import { type EventStream, serve } from "../../src/commands/consume/http.ts";
import { createGuard } from "../../src/commands/consume/http_guard.ts";
import { Feed } from "../../src/commands/consume/live/feed.ts";
import type { Status } from "../../src/commands/consume/live/status.ts";
import { livePage } from "../../src/formats/live_page.ts";
import type { Tiles } from "../../src/formats/tiles.ts";
import type { Step } from "../../src/postgres/store.ts";
import { sleep } from "../../src/system.ts";
import { withProgram } from "../support/program.ts";
import { atUrl, type Page, type Window } from "./browser.ts";
import { readerTest } from "./reader.ts";
import { assertAligned, tilesArrived, withTileServer } from "./tiles.ts";

const chromium = (name: string, fn: () => Promise<void>) =>
  readerTest("chromium", "chromium", name, fn);

const HERE = { host: "127.0.0.1", port: 0 };
const STATUS: Status = {
  counts: {
    ...{ read: 5_000_000, stored: 4_999_990, rejected: 10, tombstones: 0 },
    reasons: { schema: 9, utf8: 1 },
    settledAt: Date.now() / 1000,
  },
  lag: {
    total: 7,
    partitions: [
      { partition: 0, lag: 0, owner: "this process" },
      { partition: 1, lag: 7, owner: "routes-1a2b (10.0.0.7, partition 1)" },
      { partition: 2, lag: null, owner: null },
    ],
  },
  wait: null,
};

interface Fixture {
  url: string;
  feed: Feed;
  run: { status: Status };
}

/** Serves the page of a run that is only claimed. */
async function withFeed(
  rows: number[][],
  work: (fixture: Fixture) => Promise<void>,
  tiles: Tiles | null = null,
  loaded: Promise<void> = Promise.resolve(),
) {
  const about = {
    ...{
      version: "1.2.3",
      topic: "routes",
      group: "routes-routes-1",
      table: "db.example:5432/routes",
    },
    startedAt: Date.now() - 60_000,
  };
  const system = { now: Date.now, clock: () => performance.now(), sleep };
  async function* last() {
    await loaded;
    yield rows;
  }
  const feed = new Feed({ about, rows: { last, since: last }, system });
  const run = { status: STATUS };
  feed.started({ status: () => run.status, partitionOf: () => 0 });
  const page = livePage(tiles);
  const { address, close } = await serve(HERE, {
    pages: { "/": () => ({ status: 200, type: "text/html; charset=utf-8", ...page }) },
    streams: { "/events": (stream: EventStream) => feed.accept(stream) },
    guard: createGuard(HERE, null, { open: [], monitoring: [] }),
  });
  try {
    await work({ url: `http://${address}/`, feed, run });
  } finally {
    feed.close();
    await close();
  }
}

function step(rows: number[][], rejects: Step["validated"]["rejects"] = []): Step {
  const [userIDs, timestamps, latitudes, longitudes] = [0, 1, 2, 3].map((i) =>
    rows.map((row) => row[i]!)
  ) as [number[], number[], number[], number[]];
  const points = { offsets: userIDs, userIDs, timestamps, latitudes, longitudes };
  const messages = [...rows, ...rejects].map(() => ({}) as Step["messages"][0]);
  return { source: 1, from: 0, to: 1, messages, validated: { points, rejects, tombstones: 0 } };
}

/** Waits until an expression in the page is true. */
const until = (page: Page, expression: string) =>
  page.evaluate<void>(`(async () => {
    while (!(${expression})) await new Promise((resolve) => setTimeout(resolve, 20));
  })()`);
const text = (page: Page, selector: string) =>
  page.evaluate<string>(`document.querySelector("${selector}").innerText`);
const state = (page: Page, word: string) =>
  until(page, `document.body.dataset.state === "${word}"`);
/** Waits until the last glide has ended. */
const rested = (page: Page) =>
  page.evaluate<void>(`(async () => {
    do await new Promise(requestAnimationFrame); while (pending || performance.now() < glidesUntil);
  })()`);

/** Checks that the page asked only its server, and that the browser had nothing to say. */
function assertQuiet({ requests, errors }: Page, url: string): void {
  assertEquals(errors, []);
  const known = [url, `${url}events`, "data:,"];
  assertEquals(requests.filter((request) => !known.includes(request)), []);
}

chromium(
  "the live page shows where users are, and how the consumer does",
  () =>
    withFeed(
      [[7, 1_700_000_000, 60, 25], [8, 1_700_000_000, 60.01, 25.02]],
      ({ url }) =>
        atUrl(url, async (page) => {
          await state(page, "live");
          await until(page, "users.count === 2");
          assertEquals(await text(page, "#state"), "live");
          assertEquals(await text(page, "#empty"), "");
          assertEquals(await text(page, "#where"), "routes → db.example:5432/routes");
          assertEquals((await text(page, "dl")).split(/\n+/), [
            ...["stored", "4 999 990", "rate", "0/s", "lag", "7", "rejected", "10"],
            ...["tombstones", "0", "users", "2"],
          ]);
          await page.evaluate(
            `document.querySelectorAll("details").forEach((one) => one.open = true)`,
          );
          assertEquals((await text(page, "#partitions")).split("\n"), [
            "1\t7\troutes-1a2b (10.0.0.7, partition 1)",
            "0\t0\tthis process",
            "2\t?\tno member",
          ]);
          assertEquals((await text(page, "#codes")).split("\n"), ["schema\t9", "utf8\t1"]);
          assert(
            (await text(page, "#process")).startsWith(
              "routes 1.2.3 · group routes-routes-1 · up 1:0",
            ),
          );
          assertEquals(
            await page.evaluate(`document.getElementById("spoken").textContent`),
            "live: 2 users on the map, 4 999 990 records stored, 10 rejected, lag 7, 0 records per second",
          );
          assertQuiet(page, url);
        }),
    ),
);

chromium("the live page says that it loads, and later that there are no records", () => {
  const loading = Promise.withResolvers<void>();
  return withFeed(
    [],
    ({ url }) =>
      atUrl(url, async (page) => {
        await until(page, "state.about !== undefined");
        assertEquals(await text(page, "#empty"), "loading");
        loading.resolve();
        await until(page, "state.users.isLoaded");
        assertEquals(await text(page, "#empty"), "no records yet");
        assertQuiet(page, url);
      }),
    null,
    loading.promise,
  );
});

chromium(
  "the live page shows tiles where they belong, and tells their server its origin only",
  () =>
    withTileServer((tiles, asked) =>
      withFeed(
        [[7, 1_700_000_000, 60.2, 179.9], [8, 1_700_000_000, 60.3, -179.8]],
        ({ url }) =>
          atUrl(url, async (page) => {
            await until(page, "users.count === 2");
            await rested(page);
            await tilesArrived(page);
            await assertAligned(page, 60.2, 179.9);
            await assertAligned(page, 60.3, -179.8);
            assertEquals(await text(page, "#attribution"), "127.0.0.1");
            assertEquals(page.errors, []);
            assert(asked.length > 0);
            assertEquals(new Set(asked.map(({ referrer }) => referrer)), new Set([url]));
          }),
        tiles,
      )
    ),
);

chromium(
  "a user who moves glides there, with a tail, time and speed",
  () =>
    withFeed(
      [[7, 1_700_000_000, 60, 25], [8, 1_700_000_000, 60.01, 25.02]],
      ({ url, feed }) =>
        atUrl(url, async (page) => {
          await until(page, "users.count === 2");
          await rested(page);
          const spotOf = (id: number) =>
            page.evaluate<[number, number]>(`spot(users.slots.get(${id}), performance.now())`);
          const [fromX, fromY] = await spotOf(7);
          feed.settled(step([[7, 1_700_000_060, 60.005, 25]]));
          await until(page, "latitudes[users.slots.get(7)] === 60.005");
          await rested(page);
          const [toX, toY] = await spotOf(7);
          assert(toX === fromX && toY < fromY - 100, `${[fromX, fromY, toX, toY]}`);
          await page.mouse("mouseMoved", toX + 3, toY + 3);
          await rested(page);
          assertEquals((await text(page, "#tip")).split("\n").filter(Boolean), [
            "user 7",
            "2023-11-14 22:14:20 UTC",
            "33.4 km/h",
            "60.00500°N 25.00000°E",
          ]);
          // The tail is drawn between the two places.
          const tail = await page.evaluate<number>(`(() => {
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
        copy.drawImage(tails, 0, 0);
        const { data } = copy.getImageData(${Math.round(fromX) - 4}, ${
            Math.round((fromY + toY) / 2)
          }, 8, 1);
        return Math.max(...data.filter((_, i) => i % 4 === 3));
      })()`);
          assert(tail > 50, `${tail}`);
          assertQuiet(page, url);
        }),
    ),
);

chromium(
  "a user is followed by click or by id until the map is dragged, and the wheel zooms",
  () =>
    withFeed([[7, 1, 60, 25], [8, 1, 60.01, 25.02]], ({ url, feed }) =>
      atUrl(url, async (page) => {
        await until(page, "users.count === 2");
        await rested(page);
        const [x, y] = await page.evaluate<[number, number]>(
          "spot(users.slots.get(7), performance.now())",
        );
        for (const type of ["mouseMoved", "mousePressed", "mouseReleased"] as const) {
          await page.mouse(type, x, y);
        }
        assertEquals(await text(page, "#followed"), "following user 7; Escape ends it");
        feed.settled(step([[7, 2, 60.1, 25.1]]));
        await until(page, "view.latitude === 60.1");
        await page.wheel(640, 400, -300);
        assertEquals(await page.evaluate("followed()"), 7);
        for (
          const [type, at] of [["mousePressed", 500], ["mouseMoved", 560], [
            "mouseReleased",
            560,
          ]] as const
        ) {
          await page.mouse(type, at, 600);
        }
        assertEquals([await page.evaluate("followed()"), await text(page, "#followed")], [
          null,
          "",
        ]);
        const find = (id: string) =>
          page.evaluate(`$("user").value = "${id}"; $("find").requestSubmit()`);
        await find("8");
        assertEquals(await text(page, "#followed"), "following user 8; Escape ends it");
        await find("99");
        assertEquals(await text(page, "#followed"), "user 99 is not on the map");
        assertQuiet(page, url);
      })),
);

const HOSTILE = [
  `<img src=x onerror="document.title='hacked'">`,
  "</script><script>document.title='hacked'</script>",
  "\u202e\u0007\u001b[31m{{constructor}}",
];

chromium(
  "texts of rejects stay text",
  () =>
    withFeed([], ({ url, feed }) =>
      atUrl(url, async (page) => {
        const rejects = HOSTILE.map((reason, offset) => ({
          ...{ offset, code: "schema" as const, path: reason, reason },
          message: {} as Step["messages"][0],
        }));
        feed.settled(step([], rejects));
        await until(page, `document.querySelectorAll("#rejects tr").length === 3`);
        const cells = await page.evaluate<string[]>(
          `[...document.querySelectorAll("#rejects tr")].map((row) => row.children[2].textContent)`,
        );
        assertEquals(cells, HOSTILE.map((reason) => `${reason}: ${reason}`).reverse());
        assertEquals(await page.evaluate("document.title"), "routes");
        assertEquals(
          await page.evaluate(`document.querySelectorAll("#rejects *:not(tr, td)").length`),
          0,
        );
        assertQuiet(page, url);
      })),
);

chromium(
  "the page says what the consumer waits for, that it is paused, and that it has stopped",
  () =>
    withFeed([[7, 1, 60, 25]], ({ url, feed, run }) =>
      atUrl(url, async (page) => {
        await state(page, "live");
        const since = Math.floor(Date.now() / 1000) - 65;
        run.status = { ...STATUS, wait: { reason: "postgresql", text: "PostgreSQL: gone", since } };
        await state(page, "waiting");
        assert(/^waiting for PostgreSQL: gone \(1:0\d\)$/.test(await text(page, "#state")));
        await page.evaluate(`$("pause").click()`);
        await state(page, "paused");
        assert(/^as it was 0:0\d ago$/.test(await text(page, "#age")));
        await page.evaluate(`$("pause").click()`);
        await state(page, "waiting");
        run.status = STATUS;
        await state(page, "live");
        assertEquals(await page.evaluate("getComputedStyle(canvas).filter"), "none");
        assertQuiet(page, url);
        feed.close();
        await state(page, "stopped");
        assertEquals(await page.evaluate("getComputedStyle(canvas).filter"), "grayscale(1)");
      })),
);

/** A walk of each user, around a town. */
function walk(users: number, at: number): number[][] {
  return Array.from({ length: users }, (_, user) => {
    const angle = user * 2.4 + at / 20;
    const far = 0.02 + user / users / 3;
    return [user, 1.7e9 + at, 60 + Math.sin(angle) * far / 2, 25 + Math.cos(angle) * far];
  });
}

/** The times of frames, sorted; while the map is dragged and zoomed, or not. */
const FRAMES = (isMoving: boolean) =>
  `(async () => {
  const frames = [];
  let last = await new Promise(requestAnimationFrame);
  for (let i = 0; i < 180; i++) {
    if (${isMoving}) i % 60 < 30 ? zoom(i % 2 ? 1.02 : 1 / 1.02) : pan(i % 2 ? 7 : -6, 3);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
  }
  return frames.sort((a, b) => a - b);
})()`;

chromium(
  "the page stays fluid with 10 000 users who all move four times a second",
  () =>
    withFeed(walk(10_000, 0), ({ url, feed }) =>
      atUrl(url, async (page) => {
        await until(page, "users.count === 10_000");
        await rested(page);
        // Other work on the machine makes every frame longer, even if nothing is drawn.
        const idle = await page.evaluate<number[]>(FRAMES(false));
        let at = 0;
        const timer = setInterval(() => feed.settled(step(walk(10_000, at += 0.25))), 250);
        try {
          for (const isMoving of [false, true]) {
            const frames = await page.evaluate<number[]>(FRAMES(isMoving));
            assert(
              frames[90]! < 25 + 1.5 * idle[90]!,
              `half of the frames take more than ${frames[90]} ms`,
            );
          }
        } finally {
          clearInterval(timer);
        }
        assertQuiet(page, url);
      })),
);

const windows: Window[] = [{ width: 390, height: 844 }, { width: 1280, height: 800 }, {
  width: 2560,
  height: 1440,
}];

for (const window of windows) {
  chromium(
    `nothing of the page lies outside a window of ${window.width} pixels`,
    () =>
      withFeed(walk(200, 0), ({ url }) =>
        atUrl(url, async (page) => {
          await until(page, "users.count === 200");
          await rested(page);
          const [outside, hidden] = await page.evaluate<[string[], number]>(`(() => {
          const shown = [...document.querySelectorAll("#about, nav, nav *, #about > *, #scale, #map")];
          const outside = shown.filter((one) => {
            const { left, right } = one.getBoundingClientRect();
            return left < 0 || right > innerWidth;
          });
          const panel = $("about").getBoundingClientRect();
          const hidden = [...users.slots.values()].filter((slot) => {
            const [x, y] = spot(slot, performance.now());
            return x < 0 || x > innerWidth || y < 0 || y > innerHeight ||
              x > panel.left && x < panel.right && y > panel.top && y < panel.bottom;
          });
          return [outside.map(({ id, tagName }) => id || tagName), hidden.length];
        })()`);
          assertEquals([outside, hidden], [[], 0]);
          assertEquals(await page.evaluate("document.documentElement.scrollWidth"), window.width);
        }, window)),
  );
}

chromium(
  "a record appears on the page of the program, which reconnects after a restart",
  () =>
    withProgram({ partitions: 2 }, async ({ routes, start }) => {
      await routes(["produce", "-n", "20", "--users", "2", "--seed", "1"]);
      const first = start(["consume", "--follow", "--http", "0"]);
      const [, address] = await first.said(/^listening on http:\/\/(127\.0\.0\.1:\d+)$/m);
      const url = `http://${address}/`;
      await atUrl(url, async (page) => {
        await state(page, "live");
        await until(page, "users.count === 2");
        const record = (user: number) => ({
          stdin: JSON.stringify({ userID: user, timestamp: 1.9e9, coordinates: [61, 24] }) + "\n",
        });
        assertEquals((await routes(["produce", "--stdin"], record(77))).code, 0);
        await until(page, "users.slots.has(77)");
        assertQuiet(page, url);
        first.kill("SIGTERM");
        await state(page, "stopped");
        assertEquals((await first.ended).code, 0);
        const second = start(["consume", "--follow", "--http", address!]);
        await second.said(/^listening on/m);
        await state(page, "live");
        assertEquals((await routes(["produce", "--stdin"], record(78))).code, 0);
        await until(page, "users.slots.has(78)");
        second.kill("SIGKILL");
        await state(page, "lost");
        // While no server listens the browser itself writes a line for each attempt.
        assertEquals(
          page.errors.filter((line) => !/ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED/.test(line)),
          [],
        );
      });
    }),
);
