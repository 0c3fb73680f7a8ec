import { assert, assertEquals } from "@std/assert";
import { EARTH_RADIUS_M, type Fix } from "../../src/record/geo.ts";
import { simplify } from "../../src/formats/simplify.ts";

const DEGREE_M = EARTH_RADIUS_M * Math.PI / 180;

function track(...places: [latitude: number, longitude: number][]): Fix[] {
  return places.map(([latitude, longitude], timestamp) => ({ timestamp, latitude, longitude }));
}

const kept = (fixes: Fix[], metres: number) =>
  simplify(fixes, metres).map(({ timestamp }) => timestamp);

Deno.test("simplify() keeps fixes that are farther from the line than the tolerance", () => {
  // A spike of 100 m in the middle of a line along the equator.
  const spike = track([0, 0], [0, 0.01], [100 / DEGREE_M, 0.02], [0, 0.03], [0, 0.04]);
  assertEquals(kept(spike, 101), [0, 4]);
  assertEquals(kept(spike, 99), [0, 2, 4]);
  assertEquals(kept(spike, 0.001), [0, 1, 2, 3, 4]);
});

Deno.test("simplify() does not change tracks of one or two fixes", () => {
  assertEquals(kept(track([1, 2]), 1e6), [0]);
  assertEquals(kept(track([1, 2], [1, 2]), 1e6), [0, 1]);
});

Deno.test("simplify() measures along great circles, across 180° and over the pole", () => {
  assertEquals(kept(track([0, 179.9], [0, 180], [0, -180], [0, -179.9]), 1), [0, 3]);
  assertEquals(kept(track([89, 10], [90, 0], [89, -170]), 1), [0, 2]);
  // Halfway between two places on 60° north, the great circle is 10.5 km farther north.
  const [a, b, c] = track([60, 0], [60, 5], [60, 10]);
  assertEquals(kept([a!, b!, c!], 10_600), [0, 2]);
  assertEquals(kept([a!, b!, c!], 10_400), [0, 1, 2]);
});

Deno.test("simplify() keeps the turn of a track that returns to its start", () => {
  assertEquals(kept(track([0, 0], [0, 1], [0, 0]), 100), [0, 1, 2]);
  // Beyond the end of an arc, the distance is that to its end.
  assertEquals(kept(track([0, 0], [0, 2], [0, 1]), 100), [0, 1, 2]);
});

Deno.test("simplify() removes only fixes within the tolerance", () => {
  let state = 42;
  const next = () => (state = state * 48_271 % 2_147_483_647) / 2_147_483_647;
  let [latitude, longitude] = [60, 24.9];
  const walk = Array.from({ length: 2_000 }, (): [number, number] => [
    latitude += (next() - 0.5) / 1_000,
    longitude += (next() - 0.5) / 1_000,
  ]);
  const fixes = track(...walk);
  const rest = simplify(fixes, 50);
  assert(rest.length > 20 && rest.length < 1_000, `${rest.length}`);
  // Computed on a plane, which is precise enough at this size.
  const plane = ({ latitude, longitude }: Fix) =>
    [
      longitude * DEGREE_M * Math.cos(60 * Math.PI / 180),
      latitude * DEGREE_M,
    ] as const;
  for (const fix of fixes) {
    const [x, y] = plane(fix);
    const i = rest.findIndex(({ timestamp }) => timestamp >= fix.timestamp);
    const [[ax, ay], [bx, by]] = [plane(rest[Math.max(0, i - 1)]!), plane(rest[i]!)];
    const [dx, dy] = [bx - ax, by - ay];
    const share = Math.min(
      1,
      Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)),
    );
    const distance = Math.hypot(x - ax - share * dx, y - ay - share * dy);
    assert(distance < 50.5, `${fix.timestamp}: ${distance}`);
  }
});

Deno.test("simplify() needs seconds, not minutes, for 200 000 fixes of a zigzag that narrows", () => {
  // The farthest fix of every span is its first one: cutting there takes 2 * 10^10 distances.
  const zigzag = Array.from({ length: 200_000 }, (_, i): Fix => ({
    timestamp: i,
    latitude: (i % 2 ? 1 : -1) * (10 - i / 20_000),
    longitude: i / 200_000,
  }));
  const began = performance.now();
  assertEquals(simplify(zigzag, 0.001).length, 200_000);
  assert(performance.now() - began < 30_000);
});
