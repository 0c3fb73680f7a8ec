import { assert, assertEquals } from "@std/assert";
import { Feed, type FeedRows } from "../../../../src/commands/consume/live/feed.ts";
import type { Status } from "../../../../src/commands/consume/live/status.ts";
import type { EventStream } from "../../../../src/commands/consume/http.ts";
import type { Step } from "../../../../src/postgres/store.ts";

interface FakePage {
  stream: EventStream & { isBusy: boolean };
  frames: Record<string, unknown>[];
  events: string[];
  close(): void;
}

function page(): FakePage {
  const closed: (() => void)[] = [];
  const fake: FakePage = {
    frames: [],
    events: [],
    stream: {
      isBusy: false,
      send: (text) => {
        const data = /^data: (.*)\n\n$/.exec(text)?.[1];
        if (data) fake.frames.push(JSON.parse(data));
        else fake.events.push(text.split("\n")[0]!);
      },
      end: () => fake.events.push("end"),
      onClose: (call) => closed.push(call),
    },
    close: () => closed.forEach((call) => call()),
  };
  return fake;
}

function step(rows: [user: number, time: number, latitude: number, longitude: number][]): Step {
  const column = (i: 0 | 1 | 2 | 3) => rows.map((row) => row[i]);
  return {
    source: 101,
    from: 0,
    to: rows.length,
    messages: rows.map(() => ({} as Step["messages"][0])),
    validated: {
      points: {
        offsets: rows.map((_, i) => i),
        userIDs: column(0),
        timestamps: column(1),
        latitudes: column(2),
        longitudes: column(3),
      },
      rejects: [],
      tombstones: 0,
    },
  };
}

const STATUS: Status = {
  counts: { read: 1, stored: 1, rejected: 0, tombstones: 0, reasons: {}, settledAt: 0 },
  lag: { total: 0, partitions: [{ partition: 0, lag: 0, owner: "this process" }] },
  wait: null,
};

const ABOUT = { version: "1.2.3", topic: "t", group: "g", table: "db", startedAt: 5 };

async function* rows(): AsyncGenerator<unknown[][]> {
  yield [];
}

/** A feed with a clock that only `frames()` moves, by one frame at a time. */
function feed(last: FeedRows["last"] = () => rows(), since: FeedRows["since"] = () => rows()) {
  let nowMs = 1_000_000;
  let asked = 0;
  let wakes: (() => void)[] = [];
  const run = { status: STATUS };
  const opened = new Feed({
    about: ABOUT,
    rows: { last, since },
    system: {
      now: () => nowMs,
      clock: () => nowMs,
      sleep: (_ms, signal) =>
        new Promise((resolve) => {
          wakes.push(resolve);
          signal.addEventListener("abort", () => resolve());
        }),
    },
  });
  opened.started({ status: () => (asked++, run.status), partitionOf: (source) => source - 100 });
  const frames = async (count = 1) => {
    for (let i = 0; i < count; i++) {
      const due = wakes;
      [wakes, nowMs] = [[], nowMs + 250];
      for (const wake of due) wake();
      // A macrotask runs after everything that was woken.
      await new Promise((resolve) => setTimeout(resolve));
    }
  };
  return { feed: opened, frames, run, asked: () => asked };
}

/** The fixes of a frame, as user, time, latitude, longitude. */
function fixesOf(frame: Record<string, unknown> | undefined, part = "fixes"): number[][] {
  const columns = frame?.[part] as Record<string, string> | undefined;
  if (!columns) return [];
  const bytes = (name: string) =>
    Uint8Array.from(atob(columns[name]!), (char) => char.charCodeAt(0)).buffer;
  const [users, latitudes, longitudes] = ["users", "latitudes", "longitudes"].map((name) =>
    new Int32Array(bytes(name))
  );
  const times = new Float64Array(bytes("times"));
  return [...users!].map((user, i) => [
    user,
    times[i]!,
    latitudes![i]! / 1e7,
    longitudes![i]! / 1e7,
  ]);
}

Deno.test("a page first gets the whole picture, then only what has changed", async () => {
  const { feed: opened, frames, run } = feed(async function* () {
    yield [[7, 10, 60.5, -179.25], [8, Infinity, 1, 1], [9, 10, 91, 0], [2 ** 40, 1, 1, 1]];
    yield [[-3, 20, -90, 180]];
  });
  const first = page();
  assertEquals(opened.accept(first.stream), null);
  await frames(2);
  const [whole] = first.frames;
  assertEquals(whole!.about, ABOUT);
  assertEquals([whole!.counts, whole!.lag, whole!.wait], [STATUS.counts, STATUS.lag, null]);
  assertEquals(fixesOf(first.frames.at(-1)), [[7, 10, 60.5, -179.25], [
    -3,
    20,
    -90,
    180,
  ]]);

  // An older fix of a user is not the last one.
  opened.settled(step([[7, 11, 61, 25], [7, 12, 62, 26], [-3, 19, 0, 0]]));
  run.status = { ...STATUS, lag: { total: 4, partitions: [] } };
  await frames();
  const { length } = first.frames;
  const { now: _, ...change } = first.frames.at(-1)!;
  assertEquals(Object.keys(change), ["lag", "fixes"]);
  assertEquals(fixesOf(change), [[7, 12, 62, 26]]);

  const second = page();
  opened.accept(second.stream);
  await frames();
  assertEquals(fixesOf(second.frames[0]), [[7, 12, 62, 26], [-3, 20, -90, 180]]);
  assertEquals(first.frames.length, length);
  opened.close();
});

Deno.test("without a change a page hears every two seconds that the consumer runs", async () => {
  const { feed: opened, frames } = feed();
  const first = page();
  opened.accept(first.stream);
  await frames(2);
  const { length } = first.frames;
  await frames(16);
  const beats = first.frames.slice(length);
  assertEquals(beats.filter((beat) => Object.keys(beat).join() === "now").length, 2);
  opened.close();
});

Deno.test("no page, no work: nothing is asked, and nothing kept of the fixes", async () => {
  let queries = 0;
  const { feed: opened, frames, asked } = feed(() => {
    queries++;
    return rows();
  });
  opened.settled(step([[1, 1, 1, 1]]));
  await frames(10);
  assertEquals([asked(), queries], [0, 0]);
  const first = page();
  opened.accept(first.stream);
  await frames(2);
  assertEquals(queries, 1);
  assertEquals(fixesOf(first.frames[0]), []);
  first.close();
  const before = asked();
  await frames(10);
  assertEquals(asked(), before);
  const second = page();
  opened.accept(second.stream);
  await frames();
  assertEquals(queries, 2);
  opened.close();
});

Deno.test("a slow page misses frames and then gets the whole picture; the others miss none", async () => {
  const { feed: opened, frames } = feed();
  const [slow, quick] = [page(), page()];
  opened.accept(slow.stream);
  opened.accept(quick.stream);
  await frames(2);
  const before = slow.frames.length;
  slow.stream.isBusy = true;
  for (let i = 0; i < 5; i++) {
    opened.settled(step([[i, 1, 1, 1]]));
    await frames();
    assertEquals(fixesOf(quick.frames.at(-1)), [[i, 1, 1, 1]]);
  }
  assertEquals(slow.frames.length, before);
  slow.stream.isBusy = false;
  await frames();
  assertEquals(slow.frames.length, before + 1);
  assertEquals(fixesOf(slow.frames.at(-1)).map(([user]) => user), [0, 1, 2, 3, 4]);
  assertEquals(
    slow.frames.filter(({ tails }) => tails).length,
    quick.frames.filter(({ tails }) => tails).length,
  );
  opened.close();
});

Deno.test("the seventeenth page is refused until another one closes", () => {
  const { feed: opened } = feed();
  const pages = Array.from({ length: 16 }, page);
  for (const { stream } of pages) assertEquals(opened.accept(stream), null);
  assertEquals(opened.accept(page().stream)?.status, 503);
  pages[3]!.close();
  assertEquals(opened.accept(page().stream), null);
  opened.close();
});

Deno.test("the last fixes are asked for again after a failure", async () => {
  let attempts = 0;
  const { feed: opened, frames } = feed(async function* () {
    if (++attempts === 1) throw new Error("no database");
    yield [[1, 1, 1, 1]];
  });
  const first = page();
  opened.accept(first.stream);
  await frames(4);
  assertEquals(attempts, 2);
  assert(first.frames.some((frame) => fixesOf(frame).length === 1));
  assertEquals((first.frames[0]!.users as { isLoaded: boolean }).isLoaded, false);
  opened.close();
});

Deno.test("a page learns that the run has ended, and none is accepted after that", async () => {
  const { feed: opened, frames } = feed();
  const first = page();
  opened.accept(first.stream);
  await frames();
  opened.close();
  assertEquals(first.events, ["event: stopped", "end"]);
  assertEquals(opened.accept(page().stream)?.status, 503);
});

Deno.test("a page gets the tails of the last five minutes, each user's in the order of time", async () => {
  const asked: number[] = [];
  const { feed: opened, frames } = feed(
    async function* () {
      yield [[7, 1_000, 3, 3], [8, 900, 5, 5]];
    },
    async function* (seconds) {
      asked.push(seconds);
      yield [[7, 1_000, 3, 3], [7, 950, 2, 2]];
      yield [[8, 900, 5, 5], [7, 800, 1, 1]];
    },
  );
  const first = page();
  opened.accept(first.stream);
  await frames(3);
  assertEquals(asked, [700]);
  opened.settled(step([[7, 1_010, 4, 4], [7, 1_010.01, 4, 4], [8, 890, 0, 0]]));
  const second = page();
  opened.accept(second.stream);
  await frames();
  const tails = fixesOf(second.frames[0], "tails");
  const of = (user: number) => tails.filter(([id]) => id === user).map(([, time]) => time);
  assertEquals([of(7), of(8)], [[800, 950, 1_000, 1_000, 1_010], [900, 900]]);
  assertEquals(fixesOf(second.frames[0]), [[7, 1_010.01, 4, 4], [8, 900, 5, 5]]);
  opened.close();
});
