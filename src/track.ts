import type { Point } from "./point.ts";

// The same seed must give the same bytes on every machine. So nothing here but + - * /, integer operations, and sqrt and
// rounding, which IEEE 754 defines to the last bit; Math.sin, Math.pow and the like may differ between engines.

/** What decides the points, all of it. */
export interface TrackOptions {
  /** A safe integer, not negative. */
  seed: number;
  /** `walk`: users on the move · `uniform`: independent points, evenly over the globe. */
  model: "walk" | "uniform";
  /** UserIDs are 1 to this; they take turns. */
  users: number;
  center: [latitude: number, longitude: number];
  radiusM: number;
  /** The mean; a walker is at times faster and at times stands. */
  speedKmh: number;
  /** Between two fixes of one user. */
  intervalMs: number;
  /** Of the first fix, since 1970. */
  startMs: number;
}

/** Endless points: record k is the same whenever the options are. */
export function track(options: TrackOptions): Generator<Point, never> {
  const random = sfc32(options.seed);
  return options.model === "walk" ? walk(options, random) : uniform(options, random);
}

/** Milliseconds from the first fix of all to that of record `index`; users are spread evenly over the interval. */
export function elapsedMs(
  index: number,
  { users, intervalMs }: { users: number; intervalMs: number },
): number {
  const round = Math.floor(index / users);
  return round * intervalMs + Math.round((index - round * users) * intervalMs / users);
}

function* uniform(options: TrackOptions, random: Random): Generator<Point, never> {
  for (let index = 0;; index++) {
    let latitude;
    // Circles of latitude shrink towards the poles: keep as many points as there is room for.
    do latitude = random() * 180 - 90; while (random() > cosine(latitude));
    yield fix(options, index, latitude, random() * 360 - 180);
  }
}

function* walk(options: TrackOptions, random: Random): Generator<Point, never> {
  const area = createArea(options);
  const walkers: Walker[] = [];
  for (let index = 0;; index++) {
    const user = index % options.users;
    const walker = walkers[user];
    if (walker) advance(walker, area, random);
    const { latitude, longitude } = walker ?? (walkers[user] = createWalker(area, random));
    yield fix(options, index, latitude, longitude);
  }
}

function fix(options: TrackOptions, index: number, latitude: number, longitude: number): Point {
  const ms = Math.round(options.startMs + elapsedMs(index, options));
  return {
    userID: index % options.users + 1,
    timestamp: ms / 1000,
    coordinates: [round7(latitude), round7(longitude)],
  };
}

/** Seven decimals are a centimetre; adding 0 turns −0 into 0. */
function round7(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7 + 0;
}

/** The disk that walkers stay in, and their stride. */
interface Area {
  latitude: number;
  longitude: number;
  radiusM: number;
  /** The radius as a haversine, to compare with. */
  reach: number;
  /** Metres from fix to fix at mean speed. */
  strideM: number;
}

interface Walker {
  latitude: number;
  longitude: number;
  /** The heading, a unit vector. */
  east: number;
  north: number;
  /** Relative to the mean: 0 stands, 2 is twice as fast. */
  pace: number;
}

/** Mean radius of the earth (IUGG), and what a degree of latitude measures on it. */
const EARTH_M = 6_371_008.8;
const DEGREE_M = EARTH_M * Math.PI / 180;

function createArea({ center, radiusM, speedKmh, intervalMs }: TrackOptions): Area {
  const half = sine(Math.min(radiusM / DEGREE_M / 2, 90));
  return {
    latitude: center[0],
    longitude: center[1],
    radiusM,
    reach: half * half,
    strideM: speedKmh * intervalMs / 3600,
  };
}

function createWalker(area: Area, random: Random): Walker {
  const walker = { latitude: area.latitude, longitude: area.longitude, east: 1, north: 0, pace: 1 };
  const [x, y] = inUnitDisk(random);
  face(walker, x, y);
  // The draw is already even over a small disk; on a large one the earth's curve may put it outside.
  move(walker, area.radiusM * Math.sqrt(x * x + y * y));
  if (!isInside(walker, area)) {
    walker.latitude = area.latitude;
    walker.longitude = area.longitude;
  }
  const [east, north] = inUnitDisk(random);
  face(walker, east, north);
  return walker;
}

function advance(walker: Walker, area: Area, random: Random): void {
  const bend = random() * 2 - 1;
  // The cube makes most turns gentle and a few sharp.
  turn(walker, 0.5 * bend * bend * bend);
  const pace = walker.pace + 0.2 * (1 - walker.pace) + 0.3 * (random() * 2 - 1);
  walker.pace = Math.min(Math.max(pace, 0), 2);
  const distanceM = Math.min(area.strideM * walker.pace, area.radiusM);

  const { latitude, longitude } = walker;
  move(walker, distanceM);
  if (isInside(walker, area)) return;
  walker.latitude = latitude;
  walker.longitude = longitude;
  // At the rim: head for the centre instead, which from inside never leads out.
  face(walker, wrap(area.longitude - longitude) * cosine(latitude), area.latitude - latitude);
  move(walker, distanceM);
  if (isInside(walker, area)) return;
  walker.latitude = latitude;
  walker.longitude = longitude;
}

/** Rotates the heading; `tangent` is that of half the angle, which spares sine and cosine. */
function turn(walker: Walker, tangent: number): void {
  const { east, north } = walker;
  const square = tangent * tangent;
  face(
    walker,
    (1 - square) * east - 2 * tangent * north,
    2 * tangent * east + (1 - square) * north,
  );
}

function face(walker: Walker, east: number, north: number): void {
  const length = Math.sqrt(east * east + north * north);
  if (length === 0) return;
  walker.east = east / length;
  walker.north = north / length;
}

function move(walker: Walker, distanceM: number): void {
  const degrees = distanceM / DEGREE_M;
  const shrink = Math.max(cosine(walker.latitude), 1e-9);
  walker.latitude += degrees * walker.north;
  walker.longitude = wrap(walker.longitude + degrees * walker.east / shrink);
  if (walker.latitude >= -90 && walker.latitude <= 90) return;
  // Over the pole and down the other side.
  walker.latitude = (walker.latitude > 0 ? 180 : -180) - walker.latitude;
  walker.longitude = wrap(walker.longitude + 180);
  walker.north = -walker.north;
}

/** By the haversine, exact for centimetres as for half the globe. */
function isInside({ latitude, longitude }: Walker, area: Area): boolean {
  const y = sine((latitude - area.latitude) / 2);
  const x = sine(wrap(longitude - area.longitude) / 2);
  return y * y + cosine(latitude) * cosine(area.latitude) * x * x <= area.reach;
}

/** Into −180 ≤ longitude < 180. */
function wrap(longitude: number): number {
  return longitude - 360 * Math.floor((longitude + 180) / 360);
}

/** Of −90 … 90 degrees, by its series; the first term left out is below 3e-16. */
function sine(degrees: number): number {
  const x = degrees * (Math.PI / 180);
  const s = x * x;
  let sum = 1;
  for (let n = 18; n > 0; n -= 2) sum = 1 - sum * s / (n * (n + 1));
  return x * sum;
}

/** Of −90 … 90 degrees. */
function cosine(degrees: number): number {
  return sine(90 - Math.abs(degrees));
}

/** Draws evenly from 0 up to, not including, 1. */
type Random = () => number;

/** Evenly over the disk of radius 1, by drawing from the square around it. */
function inUnitDisk(random: Random): [x: number, y: number] {
  for (;;) {
    const x = random() * 2 - 1;
    const y = random() * 2 - 1;
    if (x * x + y * y <= 1) return [x, y];
  }
}

/** Chris Doty-Humphrey's sfc32 as seeded in his PractRand (pracrand.sourceforge.net). */
function sfc32(seed: number): Random {
  let a = 0;
  let b = seed >>> 0;
  let c = Math.floor(seed / 2 ** 32) >>> 0;
  let counter = 1;
  const random = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4_294_967_296;
  };
  for (let i = 0; i < 12; i++) random();
  return random;
}
