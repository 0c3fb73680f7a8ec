import { assert, assertEquals } from "@std/assert";
import { encodePoint, type Point } from "../../../src/record/point.ts";
import {
  elapsedMs,
  openTrack,
  type TrackOptions,
} from "../../../src/commands/produce/generator.ts";

const options: TrackOptions = {
  seed: 42,
  model: "traffic",
  users: 100,
  center: [60.1699, 24.9384],
  radiusM: 25_000,
  speedKmh: 40,
  intervalMs: 5_000,
  startMs: 1_732_431_234_567,
};

function take(count: number, changes: Partial<TrackOptions> = {}): Point[] {
  const fixOf = openTrack({ ...options, ...changes });
  return Array.from({ length: count }, (_, index) => fixOf(index));
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
  traffic: "a0889038a5aaad646302c5b8ae51989edf04cc05c2b991b4e444105b2c93eef4",
  uniform: "32e1c0a7147c17ab3c2a2344603d14a49a7c7fda8300a0ce763bf6918661e7f0",
};

for (const model of ["traffic", "uniform"] as const) {
  Deno.test(`openTrack() makes the same 10 000 records of model ${model} in every version`, async () => {
    assertEquals(await hash(take(10_000, { model })), pinned[model]);
  });

  Deno.test(`openTrack() makes other records of model ${model} of another seed`, () => {
    const seeds = [42, 43, 0, 42 + 2 ** 32, Number.MAX_SAFE_INTEGER];
    const firsts = seeds.map((seed) => take(1, { model, seed })[0]!.coordinates.join());
    assertEquals(new Set(firsts).size, seeds.length);
  });

  Deno.test(`openTrack() of model ${model} lets users take turns, an interval apart`, () => {
    const points = take(9, { model, users: 3 });
    assertEquals(points.map(({ userID }) => userID), [1, 2, 3, 1, 2, 3, 1, 2, 3]);
    assertEquals(
      points.map(({ timestamp }) => Math.round(timestamp * 1000) - options.startMs),
      [0, 1_667, 3_333, 5_000, 6_667, 8_333, 10_000, 11_667, 13_333],
    );
  });

  Deno.test(`openTrack() of model ${model} has no more than 7 decimals and no -0`, () => {
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
  Deno.test(`openTrack() of model traffic stays in its area and makes no leaps ${name}`, () => {
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
  Deno.test(`openTrack() of model traffic has the mean speed, and stops sometimes, ${name}`, () => {
    const { speedKmh, intervalMs, users } = { ...options, users: 20, ...changes };
    const steps = stepsM(take(60_000, { users, ...changes }), users).flat();
    const speeds = steps.map((metres) => metres / intervalMs * 3600 / speedKmh);
    const mean = speeds.reduce((sum, speed) => sum + speed) / speeds.length;
    // A step is shorter than the way around a corner.
    assert(mean > (intervalMs < 60_000 ? 0.93 : 0.86) && mean < 1.05, `${mean} of the mean speed`);
    const stopped = share(steps, (metres) => metres <= roundingM);
    assert(stopped > (intervalMs < 60_000 ? 0.08 : 0.005) && stopped < 0.35, `${stopped} stopped`);
    assert(speeds.every((speed) => speed < 2.01));
  });
}

Deno.test("openTrack() of model traffic accelerates and brakes instead of jumping", () => {
  for (const steps of stepsM(take(60_000, { users: 20, intervalMs: 1_000 }), 20)) {
    const gains = steps.slice(1).map((metres, i) => metres - steps[i]!);
    // It is 1.65 m/s², and looks like twice as much behind a corner that is cut; to brake harder is allowed.
    assert(Math.max(...gains) < 3.4, `${Math.max(...gains)} m/s²`);
    assert(share(gains, (gain) => gain > 1.7) < 0.02);
    assert(share(gains, (gain) => gain < -2.5) < 0.02);
  }
});

Deno.test("openTrack() of model traffic rests between drives, each user at other times", () => {
  const runs = stepsM(take(60_000, { users: 20 }), 20).map((steps) => {
    const still = steps.map((metres) => metres <= roundingM ? "." : "x").join("");
    return still.split(/x+/).map((run) => run.length);
  });
  // A light is out after 40 s, eight fixes; what is longer is a rest.
  assert(runs.every((lengths) => lengths.some((fixes) => fixes > 9)));
  assert(new Set(runs.map((lengths) => lengths.join())).size === runs.length);
});

Deno.test("openTrack() of model traffic drives straight, and turns at right angles", () => {
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
    const slow = Math.min(Math.hypot(x1, y1), Math.hypot(x2, y2)) * metres < 0.3;
    if (!slow) {
      turns.push(Math.abs(Math.atan2(x1 * y2 - y1 * x2, x1 * x2 + y1 * y2) * 180 / Math.PI));
    }
  }
  assert(share(turns, (angle) => angle < 4) > 0.9, "straight");
  // What was cut is seen twice, by two halves of the corner.
  assert(share(turns, (angle) => angle > 5) > 0.005, `${share(turns, (a) => a > 5)} turns`);
  assert(share(turns, (angle) => angle > 95) < 0.001, "sharp turns");
});

Deno.test("openTrack() of model traffic has its streets where they were for every seed", () => {
  // So crowded that every metre of street has been driven on.
  const cells = (seed: number) => {
    const points = take(200_000, { seed, users: 4_000, radiusM: 1_000 });
    return new Set(points.map(({ coordinates: [y, x] }) => `${y.toFixed(4)} ${x.toFixed(4)}`));
  };
  const [one, other] = [cells(1), cells(2)];
  assert(share([...one], (cell) => other.has(cell)) > 0.8);
});

Deno.test("openTrack() of model traffic wanders through its whole area", () => {
  const far = take(100_000, { users: 1_000 }).map((point) =>
    distanceM(options.center, point.coordinates)
  );
  const outer = far.filter((metres) => metres > 25_000 / Math.sqrt(2)).length / far.length;
  // Half of the disk lies beyond that radius.
  assert(outer > 0.3 && outer < 0.7, `${outer} in the outer half`);
});

Deno.test("openTrack() of model uniform covers the globe evenly", () => {
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

Deno.test("openTrack() of model traffic: two runs agree wherever they overlap", () => {
  // The same driver at the same times, in runs that started at other times, with other users and intervals.
  const at = (changes: Partial<TrackOptions>) => {
    const { users, intervalMs } = { ...options, ...changes };
    const points = take(users * 3_600_000 / intervalMs, changes);
    return new Map(
      points.filter(({ userID }) => userID === 3).map(({ timestamp, coordinates }) => [
        timestamp,
        coordinates,
      ]),
    );
  };
  const one = at({ users: 100, startMs: 1_732_431_000_000 });
  // Its user 3 starts 1 s later than that of the first run does.
  const other = at({ users: 2, startMs: 1_732_431_000_000 + 500_100, intervalMs: 500 });
  assertEquals(other.size, 0);
  const others = at({ users: 200, startMs: 1_732_431_000_000 + 600_050, intervalMs: 5_000 });
  const both = [...others].filter(([timestamp]) => one.has(timestamp));
  assertEquals(both.length, 600);
  for (const [timestamp, coordinates] of both) assertEquals(one.get(timestamp), coordinates);
});

Deno.test("openTrack() of model traffic needs no memory for a user, and no earlier fix", () => {
  const users = 2_147_483_647;
  const last = openTrack({ ...options, users })(7 * users + 41);
  const alone = openTrack({ ...options, users: 100, startMs: last.timestamp * 1000 })(41);
  assertEquals(last.userID, 42);
  // User 42 of 100 has its fix 2.05 s after the start.
  const [[lat1, lon1], [lat2, lon2]] = [last.coordinates, alone.coordinates];
  assert(distanceM([lat1, lon1], [lat2, lon2]) < 2.05 * 2 * 40 / 3.6);
});

Deno.test("openTrack() of model traffic makes no leap between fixes of any seed and interval", () => {
  for (let seed = 0; seed < 40; seed++) {
    // From a tenth of a second to a quarter of an hour, through the ends of tours.
    const intervalMs = 100 * 3 ** (seed % 9);
    const radiusM = 10 ** (1 + seed % 6);
    for (const steps of stepsM(take(8_000, { seed, users: 4, intervalMs, radiusM }), 4)) {
      const leapM = 2 * 40 / 3.6 * intervalMs / 1000 + roundingM;
      assert(Math.max(...steps) <= leapM, `seed ${seed}: ${Math.max(...steps)} of ${leapM} m`);
    }
  }
});
