import { EARTH_RADIUS_M, type Fix } from "../record/geo.ts";

type Vector = [x: number, y: number, z: number];

/**
 * The fixes that a line needs to pass within so many metres of all of them: the first, the last, and between them what
 * Douglas and Peucker keep (1973). Distances are those to arcs of great circles, so that poles and 180° are no matter.
 */
export function simplify(track: Fix[], toleranceM: number): Fix[] {
  const places = track.map(unitVector);
  const kept = new Uint8Array(track.length);
  kept[0] = kept[track.length - 1] = 1;
  // Not by recursion: a long track would go deeper than the stack.
  const spans: [number, number][] = [[0, track.length - 1]];
  for (let span; (span = spans.pop());) {
    const [from, to] = span;
    const farthest = farthestIn(places, from, to, toleranceM);
    if (farthest === null) continue;
    kept[farthest] = 1;
    spans.push([from, farthest], [farthest, to]);
  }
  return track.filter((_, i) => kept[i]);
}

function farthestIn(places: Vector[], from: number, to: number, toleranceM: number): number | null {
  const distance = distanceToArc(places[from]!, places[to]!);
  let most = toleranceM / EARTH_RADIUS_M;
  let farthest = null;
  for (let i = from + 1; i < to; i++) {
    const angle = distance(places[i]!);
    if (angle <= most) continue;
    most = angle;
    farthest = i;
  }
  return farthest;
}

/** Radians from a place to the arc between two. */
function distanceToArc(a: Vector, b: Vector): (place: Vector) => number {
  const normal = cross(a, b);
  const length = Math.hypot(...normal);
  const toEnds = (place: Vector) => Math.min(angle(place, a), angle(place, b));
  // Two ends in one place, or on opposite sides of the Earth, make no arc.
  if (length < 1e-14) return toEnds;
  const ahead = cross(normal, a);
  const back = cross(b, normal);
  return (place) =>
    dot(place, ahead) >= 0 && dot(place, back) >= 0
      ? Math.abs(Math.asin(Math.min(1, Math.max(-1, dot(place, normal) / length))))
      : toEnds(place);
}

function unitVector({ latitude, longitude }: Fix): Vector {
  const [phi, lambda] = [latitude * Math.PI / 180, longitude * Math.PI / 180];
  return [Math.cos(phi) * Math.cos(lambda), Math.cos(phi) * Math.sin(lambda), Math.sin(phi)];
}

/** By the chord, which is exact for places that are near each other. */
function angle(a: Vector, b: Vector): number {
  return 2 * Math.asin(Math.min(1, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / 2));
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
