import { assert, assertEquals } from "@std/assert";
import { encodePoint, type Point } from "../../../src/record/point.ts";
import { elapsedMs, track, type TrackOptions } from "../../../src/commands/produce/generator.ts";

const options: TrackOptions = {
  seed: 42,
  model: "walk",
  users: 100,
  center: [60.1699, 24.9384],
  radiusM: 25_000,
  speedKmh: 40,
  intervalMs: 5_000,
  startMs: 1_732_431_234_567,
};

function take(count: number, changes: Partial<TrackOptions> = {}): Point[] {
  const points = track({ ...options, ...changes });
  return Array.from({ length: count }, () => points.next().value);
}

/** Metres on the sphere, by the library's sine and cosine. */
function distanceM([lat1, lon1]: Point["coordinates"], [lat2, lon2]: Point["coordinates"]): number {
  const radians = Math.PI / 180;
  const y = Math.sin((lat2 - lat1) * radians / 2);
  const x = Math.sin((lon2 - lon1) * radians / 2);
  const h = y * y + Math.cos(lat1 * radians) * Math.cos(lat2 * radians) * x * x;
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(Math.min(h, 1)));
}

async function hash(points: Point[]): Promise<string> {
  const text = points.map((point) => encodePoint(point) + "\n").join("");
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}

const pinned = {
  walk: "4da3329ab54dc0ff8215a66ee3f546f1a75de78853f18cf825c8b1766eadd780",
  uniform: "d1d06523a84288bfd1b77c22dde36fb4bdd3c9c85217b4f0f6ee88215bcbee20",
};

for (const model of ["walk", "uniform"] as const) {
  Deno.test(`track() makes the same 10 000 records of model ${model} in every version`, async () => {
    assertEquals(await hash(take(10_000, { model })), pinned[model]);
  });

  Deno.test(`track() makes other records of model ${model} of another seed`, () => {
    const seeds = [42, 43, 0, 42 + 2 ** 32, Number.MAX_SAFE_INTEGER];
    const firsts = seeds.map((seed) => take(1, { model, seed })[0]!.coordinates.join());
    assertEquals(new Set(firsts).size, seeds.length);
  });

  Deno.test(`track() of model ${model} lets users take turns, an interval apart`, () => {
    const points = take(9, { model, users: 3 });
    assertEquals(points.map(({ userID }) => userID), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
    assertEquals(
      points.map(({ timestamp }) => Math.round(timestamp * 1000) - options.startMs),
      [0, 1_667, 3_333, 5_000, 6_667, 8_333, 10_000, 11_667, 13_333],
    );
  });

  Deno.test(`track() of model ${model} has no more than 7 decimals and no -0`, () => {
    for (const { coordinates } of take(20_000, { model, center: [0, 0], radiusM: 1 })) {
      for (const degrees of coordinates) {
        assertEquals(degrees, Math.round(degrees * 1e7) / 1e7);
        assert(!Object.is(degrees, -0));
      }
    }
  });
}

// Where the earth is curved most, and where the disk is a point or more than the globe.
const areas: [name: string, center: [number, number], radiusM: number, speedKmh: number][] = [
  ["around Helsinki", [60.1699, 24.9384], 25_000, 40],
  ["around Helsinki, on a plane", [60.1699, 24.9384], 25_000, 900],
  ["across 180°", [-16.5, 179.99], 20_000, 40],
  ["around the north pole", [90, 0], 25_000, 60],
  ["beside the south pole", [-89.95, 10], 25_000, 60],
  ["within a room", [60, 25], 5, 2],
  ["on one spot", [60, 25], 0, 40],
  ["in a continent", [50, 10], 2_000_000, 900],
  ["on a hemisphere", [10, 100], 10_000_000, 5_000],
  ["all over the globe", [0, 0], 30_000_000, 20_000],
];

for (const [name, center, radiusM, speedKmh] of areas) {
  Deno.test(`track() of model walk stays in its area and makes no leaps ${name}`, () => {
    const last = new Map<number, Point>();
    // 7 decimals move a point by 8 mm at most.
    const roundingM = 0.008;
    const leapM = 2 * speedKmh / 3.6 * options.intervalMs / 1000 + 2 * roundingM;
    for (const point of take(20_000, { center, radiusM, speedKmh, users: 10 })) {
      const [latitude, longitude] = point.coordinates;
      assert(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180, `${point.coordinates}`);
      const away = distanceM(center, point.coordinates);
      assert(away <= radiusM + roundingM, `${point.coordinates}: ${away} m from the centre`);
      const before = last.get(point.userID);
      if (before) {
        const moved = distanceM(before.coordinates, point.coordinates);
        assert(moved <= leapM * 1.001, `${before.coordinates} to ${point.coordinates}: ${moved} m`);
      }
      last.set(point.userID, point);
    }
  });
}

/** Metres from each fix to the next of the same user, one list a user. */
function stepsM(points: Point[], users: number): number[][] {
  return Array.from({ length: users }, (_, user) => {
    const places = points.filter((_, i) => i % users === user).map(({ coordinates }) =>
      coordinates
    );
    return places.slice(1).map((place, i) => distanceM(places[i]!, place));
  });
}

/** Share of those for which it holds. */
function share<T>(items: T[], holds: (item: T) => boolean): number {
  return items.filter(holds).length / items.length;
}

const roundingM = 0.016;
const drives: [name: string, changes: Partial<TrackOptions>][] = [
  ["in cars", {}],
  ["in cars, a fix a second", { intervalMs: 1_000 }],
  ["in cars, a fix a minute", { intervalMs: 60_000 }],
  ["on foot", { speedKmh: 5 }],
  ["in planes", { speedKmh: 900, radiusM: 1_000_000 }],
];

for (const [name, changes] of drives) {
  Deno.test(`track() of model walk has the mean speed, and stops sometimes, ${name}`, () => {
    const { speedKmh, intervalMs, users } = { ...options, users: 20, ...changes };
    const steps = stepsM(take(60_000, { users, ...changes }), users).flat();
    const speeds = steps.map((metres) => metres / intervalMs * 3600 / speedKmh);
    const mean = speeds.reduce((sum, speed) => sum + speed) / speeds.length;
    assert(mean > 0.93 && mean < 1.05, `${mean} of the mean speed`);
    const stopped = share(steps, (metres) => metres <= roundingM);
    assert(stopped > 0.08 && stopped < 0.35, `${stopped} stopped`);
    // Most of the time on streets, some on roads, least on motorways.
    const [street, road, motorway] = [[1.1, 1.38], [1.38, 1.71], [1.71, 2.01]].map((pace) =>
      share(speeds, (speed) => speed >= pace[0]! && speed < pace[1]!)
    );
    assert(street! > road! && road! > motorway! && motorway! > 0.01, `${[street, road, motorway]}`);
    assert(share(speeds, (speed) => speed > 2.01) === 0);
  });
}

Deno.test("track() of model walk accelerates and brakes instead of jumping", () => {
  for (const steps of stepsM(take(60_000, { users: 20, intervalMs: 1_000 }), 20)) {
    const gains = steps.slice(1).map((metres, i) => metres - steps[i]!);
    // It is 1.65 m/s², and looks like twice as much behind a corner that is cut; to brake harder is allowed.
    assert(Math.max(...gains) < 3.4, `${Math.max(...gains)} m/s²`);
    assert(share(gains, (gain) => gain > 1.7) < 0.02);
    assert(share(gains, (gain) => gain < -2.5) < 0.02);
  }
});

Deno.test("track() of model walk rests between drives, each user at other times", () => {
  const runs = stepsM(take(60_000, { users: 20 }), 20).map((steps) => {
    const still = steps.map((metres) => metres <= roundingM ? "." : "x").join("");
    return still.split(/x+/).map((run) => run.length);
  });
  // A light is out after 40 s, eight fixes; what is longer is a rest.
  assert(runs.every((lengths) => lengths.some((fixes) => fixes > 9)));
  assert(new Set(runs.map((lengths) => lengths.join())).size === runs.length);
});

Deno.test("track() of model walk drives straight, and turns at right angles", () => {
  const points = take(40_000, { users: 20, intervalMs: 1_000 });
  const turns: number[] = [];
  const [cos0, metres] = [Math.cos(options.center[0] * Math.PI / 180), 111_195];
  for (let i = 40; i < points.length; i++) {
    const [[a, b], [c, d], [e, f]] = [i - 40, i - 20, i].map((at) => points[at]!.coordinates) as [
      Point["coordinates"],
      Point["coordinates"],
      Point["coordinates"],
    ];
    const [y1, x1, y2, x2] = [c - a, (d - b) * cos0, e - c, (f - d) * cos0];
    const slow = Math.min(Math.hypot(x1, y1), Math.hypot(x2, y2)) * metres < 4;
    if (!slow) {
      turns.push(Math.abs(Math.atan2(x1 * y2 - y1 * x2, x1 * x2 + y1 * y2) * 180 / Math.PI));
    }
  }
  assert(share(turns, (angle) => angle < 2) > 0.9, "straight");
  // What was cut is seen twice, by two halves of the corner.
  assert(share(turns, (angle) => angle > 5) > 0.02, "turns");
  assert(share(turns, (angle) => angle > 95) < 0.001, "sharp turns");
});

Deno.test("track() of model walk has its streets where they were for every seed", () => {
  // So crowded that every metre of street has been driven on.
  const cells = (seed: number) => {
    const points = take(100_000, { seed, users: 50, radiusM: 1_000 });
    return new Set(points.map(({ coordinates: [y, x] }) => `${y.toFixed(4)} ${x.toFixed(4)}`));
  };
  const [one, other] = [cells(1), cells(2)];
  assert(share([...one], (cell) => other.has(cell)) > 0.8);
});

Deno.test("track() of model walk wanders through its whole area", () => {
  const far = take(100_000, { users: 20 }).map((point) =>
    distanceM(options.center, point.coordinates)
  );
  const outer = far.filter((metres) => metres > 25_000 / Math.sqrt(2)).length / far.length;
  // Half of the disk lies beyond that radius.
  assert(outer > 0.3 && outer < 0.7, `${outer} in the outer half`);
});

Deno.test("track() of model uniform covers the globe evenly", () => {
  const points = take(40_000, { model: "uniform" });
  const share = (test: (lat: number, lon: number) => boolean) =>
    points.filter(({ coordinates: [lat, lon] }) => test(lat, lon)).length / points.length;
  // Half of a sphere's surface lies within 30° of the equator.
  assert(Math.abs(share((lat) => Math.abs(lat) < 30) - 0.5) < 0.01);
  assert(Math.abs(share((lat) => lat > 0) - 0.5) < 0.01);
  assert(Math.abs(share((_, lon) => lon > 90) - 0.25) < 0.01);
});

Deno.test("elapsedMs() keeps the interval exact where users do not divide it", () => {
  for (const index of [0, 1, 6, 1_234_567]) {
    assertEquals(
      elapsedMs(index + 7, { users: 7, intervalMs: 1_000 }) -
        elapsedMs(index, { users: 7, intervalMs: 1_000 }),
      1_000,
    );
  }
});

Deno.test("track() of model walk remembers no user when there are more than a million", () => {
  const users = 1_000_001;
  const points = track({ ...options, users });
  const first = points.next().value;
  for (let index = 1; index < users; index++) points.next();
  const again = points.next().value;
  assertEquals([first.userID, again.userID], [1, 1]);
  // Five seconds later it is somewhere else in the town, as if it were another one.
  assert(distanceM(first.coordinates, again.coordinates) > 1_000);
});
