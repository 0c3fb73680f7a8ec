import type { ProduceOptions } from "../../cli/commands/produce.ts";
import type { Point } from "../../record/point.ts";
import { cosine, DISTANCE_MAX_M, onGlobe } from "./exact_math.ts";
import { planTown, type Random } from "./town.ts";
import { advance, createDriver, type Driver, positionOf } from "./traffic.ts";

// The same seed must give the same bytes on every machine. So this file uses only + - * /, integer operations, sqrt and
// rounding, which IEEE 754 defines to the last bit; Math.sin, Math.pow and the like may differ between engines.

/** Everything that determines the points. */
export interface TrackOptions
  extends
    Pick<ProduceOptions, "model" | "users" | "center" | "radiusM" | "speedKmh" | "intervalMs"> {
  /** A safe integer, not negative. */
  seed: number;
  /** The time of the first fix, since 1970. */
  startMs: number;
}

/** Endless points: equal options give equal points. */
export function track(options: TrackOptions): Generator<Point, never> {
  const random = sfc32(options.seed);
  return options.model === "walk" ? walk(options, random) : uniform(options, random);
}

/** Milliseconds from the first fix to that of record `index`; users are spread evenly over the interval. */
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
    // Circles of latitude shrink towards the poles: keep points in proportion to their length.
    do latitude = random() * 180 - 90; while (random() > cosine(latitude));
    yield fix(options, index, latitude, random() * 360 - 180);
  }
}

/** The state of a user takes some hundred bytes: with more users, each fix of a user begins a new drive somewhere. */
const USERS_REMEMBERED = 1_000_000;

function* walk(options: TrackOptions, random: Random): Generator<Point, never> {
  const town = planTown({ ...options, radiusM: Math.min(options.radiusM, DISTANCE_MAX_M) });
  const project = onGlobe(options.center);
  const drivers: Driver[] = [];
  const isRemembered = options.users <= USERS_REMEMBERED;
  for (let index = 0;; index++) {
    const user = index % options.users;
    let driver = drivers[user];
    if (driver) advance(driver, options.intervalMs / 1000, town, random);
    else {
      driver = createDriver(town, random);
      if (isRemembered) drivers[user] = driver;
    }
    const [eastM, northM] = positionOf(driver, town);
    const [latitude, longitude] = project(eastM, northM);
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

/** Seven decimals are about a centimetre; adding 0 turns −0 into 0. */
function round7(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7 + 0;
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
