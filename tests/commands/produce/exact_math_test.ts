import { assert, assertEquals } from "@std/assert";
import { cosine, DISTANCE_MAX_M, onGlobe, sine } from "../../../src/commands/produce/exact_math.ts";
import { drawFrom } from "../../fakes/random.ts";

const RADIANS = Math.PI / 180;
const EARTH_M = 6_371_008.8;
const draw = drawFrom(1);
/** Evenly between the two. */
const between = (low: number, high: number) => low + (high - low) * (draw(2 ** 32) / 2 ** 32);

/** A point of the unit sphere in space. */
function inSpace(latitude: number, longitude: number): [number, number, number] {
  const [phi, lambda] = [latitude * RADIANS, longitude * RADIANS];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** Metres between two points, by the angle between them, exact for near and far. */
function distanceM(a: [number, number], b: [number, number]): number {
  const [[ax, ay, az], [bx, by, bz]] = [inSpace(...a), inSpace(...b)];
  const cross = Math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx);
  return EARTH_M * Math.atan2(cross, ax * bx + ay * by + az * bz);
}

Deno.test("sine() and cosine() are those of the library to the last bits", () => {
  for (let degrees = -90; degrees <= 90; degrees += 0.25) {
    assert(Math.abs(sine(degrees) - Math.sin(degrees * RADIANS)) < 1e-15, `sine ${degrees}`);
    assert(Math.abs(cosine(degrees) - Math.cos(degrees * RADIANS)) < 1e-15, `cosine ${degrees}`);
  }
});

Deno.test("onGlobe() keeps the distance from the centre, and the direction", () => {
  for (let i = 0; i < 5_000; i++) {
    const center: [number, number] = [between(-90, 90), between(-180, 180)];
    const awayM = 10 ** between(-2, Math.log10(DISTANCE_MAX_M));
    const bearing = between(-Math.PI, Math.PI);
    const at = onGlobe(center)(awayM * Math.sin(bearing), awayM * Math.cos(bearing));
    assert(at[0] >= -90 && at[0] <= 90 && at[1] >= -180 && at[1] < 180, `${at}`);
    assert(Math.abs(distanceM(center, at) - awayM) < 1e-7 * EARTH_M / 100, `${center} ${awayM}`);
    // Towards east or west: the side of the centre's meridian.
    const side = Math.sin((at[1] - center[1]) * RADIANS) * Math.sin(bearing);
    assert(side > -1e-9, `${center} ${at}`);
  }
});

Deno.test("onGlobe() gives the centre itself, poles included", () => {
  assertEquals(onGlobe([60.25, 24.5])(0, 0).map((degrees) => Math.round(degrees * 1e9) / 1e9), [
    60.25,
    24.5,
  ]);
  assertEquals(Math.round(onGlobe([90, 0])(0, 0)[0] * 1e9), 90e9);
  assertEquals(Math.round(onGlobe([-90, 0])(1_000, 0)[0] * 1e4), -899_910);
});

Deno.test("onGlobe() makes no way longer than it is on the map", () => {
  for (let i = 0; i < 2_000; i++) {
    const center: [number, number] = [between(-90, 90), between(-180, 180)];
    const place = onGlobe(center);
    const [x, y] = [between(-1e7, 1e7), between(-1e7, 1e7)];
    const [dx, dy] = [between(-1e4, 1e4), between(-1e4, 1e4)];
    const walked = distanceM(place(x, y), place(x + dx, y + dy));
    assert(walked <= Math.hypot(dx, dy) * 1.0001, `${walked} of ${Math.hypot(dx, dy)}`);
  }
});
