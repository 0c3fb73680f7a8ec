import { assert, assertEquals } from "@std/assert";
import { boxAround, cutAt180, edges, type Fix } from "../../src/record/geo.ts";

const DEGREE_M = 6_371_008.8 * Math.PI / 180;

function rounded(box: ReturnType<typeof boxAround>): number[] {
  return [box.west, box.south, box.east, box.north].map((edge) => Math.round(edge * 1e5) / 1e5);
}

Deno.test("boxAround() is as wide as the circle, which is wider than high away from the equator", () => {
  const cases: [latitude: number, longitude: number, degrees: number, expected: number[]][] = [
    [0, 0, 1, [-1, -1, 1, 1]],
    [60, 25, 1, [22.9997, 59, 27.0003, 61]],
    [0, 179.5, 1, [178.5, -1, -179.5, 1]],
    [0, -179.5, 1, [179.5, -1, -178.5, 1]],
    [89.5, 10, 1, [-180, 88.5, 180, 90]],
    [-89.5, 10, 1, [-180, -90, 180, -88.5]],
    [90, 0, 1, [-180, 89, 180, 90]],
    [5, 5, 200, [-180, -90, 180, 90]],
  ];
  for (const [latitude, longitude, degrees, expected] of cases) {
    const box = boxAround({ latitude, longitude, radiusM: degrees * DEGREE_M });
    assertEquals(rounded(box), expected, `${degrees} degrees around ${latitude},${longitude}`);
  }
});

Deno.test("boxAround() still holds its center when the radius is 0", () => {
  const { west, south, east, north } = boxAround({ latitude: 60.1, longitude: 24.9, radiusM: 0 });
  assert(west < 24.9 && east > 24.9 && south < 60.1 && north > 60.1);
});

Deno.test("edges() returns the narrower box", () => {
  const cases: [longitudes: number[], expected: [number, number]][] = [
    [[24, 25], [24, 25]],
    [[-5, 3], [-5, 3]],
    [[179, -179], [179, -179]],
    [[170, 175, -160], [170, -160]],
    [[-170, -175], [-175, -170]],
    [[90, -90], [-90, 90]],
    [[7], [7, 7]],
    [[180], [180, 180]],
  ];
  for (const [longitudes, expected] of cases) {
    const eastern = longitudes.filter((longitude) => longitude >= 0);
    const western = longitudes.filter((longitude) => longitude < 0);
    const found = edges({
      min: Math.min(...longitudes),
      max: Math.max(...longitudes),
      minEastern: eastern.length > 0 ? Math.min(...eastern) : null,
      maxWestern: western.length > 0 ? Math.max(...western) : null,
    });
    assertEquals(found, expected, longitudes.join());
  }
});

/** One fix an hour at these longitudes; the latitude of each is its index. */
function track(...longitudes: number[]): Fix[] {
  return longitudes.map((longitude, i) => ({ timestamp: i * 3600, latitude: i, longitude }));
}

function longitudes(parts: Fix[][]): number[][] {
  return parts.map((part) => part.map(({ longitude }) => longitude));
}

Deno.test("cutAt180() cuts where a track crosses the meridian, and only there", () => {
  const cases: [Fix[], number[][]][] = [
    [track(), []],
    [track(5), [[5]]],
    [track(-180), [[-180]]],
    [track(-90, 90, -90), [[-90, 90, -90]]],
    [track(179, -179), [[179, 180], [-180, -179]]],
    [track(-179, 179), [[-179, -180], [180, 179]]],
    [track(179, -179, 179), [[179, 180], [-180, -179, -180], [180, 179]]],
    // A fix on the meridian is on both sides.
    [track(179, 180, -179), [[179, 180], [-180, -179]]],
    [track(179, -180, -179), [[179, 180], [-180, -179]]],
    [track(179, -180), [[179, 180]]],
    [track(-179, 180), [[-179, -180]]],
    [track(180, -179), [[-180, -179]]],
    [track(-180, 179), [[180, 179]]],
    [track(180, -180), [[180, 180]]],
    [track(179, 180, -180, 179), [[179, 180, 180, 179]]],
    [track(178, 179, 180, -180, -179, -178), [[178, 179, 180, 180], [-180, -179, -178]]],
  ];
  for (const [fixes, expected] of cases) {
    assertEquals(longitudes(cutAt180(fixes)), expected, longitudes([fixes]).join());
  }
});

Deno.test("cutAt180() puts latitude and time of the cut on the straight line", () => {
  const parts = cutAt180([
    { timestamp: 100, latitude: 10, longitude: 179 },
    { timestamp: 200, latitude: 30, longitude: -177 },
  ]);
  const here = { timestamp: 125, latitude: 15, longitude: 180 };
  assertEquals(parts[0]![1], here);
  assertEquals(parts[1]![0], { ...here, longitude: -180 });
});
