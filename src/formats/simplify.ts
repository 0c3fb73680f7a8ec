import { EARTH_RADIUS_M, type Fix } from "../record/geo.ts";

type Vector = [x: number, y: number, z: number];

/**
 * Removes fixes so that the line stays within `toleranceM` metres of all of them, by the algorithm of Douglas and Peucker
 * (1973). Distances are to arcs of great circles, so poles and 180° need no special case.
 */
export function simplify(track: Fix[], toleranceM: number): Fix[] {
  const places = track.map(unitVector);
  const kept = new Uint8Array(track.length);
  kept[0] = kept[track.length - 1] = 1;
  const depthMax = 4 * Math.log2(track.length + 1);
  // Not recursive: a long track could overflow the stack.
  const spans: [from: number, to: number, depth: number][] = [[0, track.length - 1, 0]];
  for (let span; (span = spans.pop());) {
    const [from, to, depth] = span;
    const farthest = farthestIn(places, from, to, toleranceM);
    if (farthest === null) continue;
    // The farthest fix of a zigzag is always near an end, so cutting there takes quadratic time.
    const cut = depth < depthMax ? farthest : (from + to) >> 1;
    kept[cut] = 1;
    spans.push([from, cut, depth + 1], [cut, to, depth + 1]);
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

/** The angle in radians between a place and the arc from a to b. */
function distanceToArc(a: Vector, b: Vector): (place: Vector) => number {
  const normal = cross(a, b);
  const length = Math.hypot(...normal);
  const toEnds = (place: Vector) => Math.min(angle(place, a), angle(place, b));
  // Ends in the same place, or on opposite sides of the Earth, define no arc.
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

/** Computed from the chord, which is exact for places near each other. */
function angle(a: Vector, b: Vector): number {
  return 2 * Math.asin(Math.min(1, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) / 2));
}

function dot(a: Vector, b: Vector): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
