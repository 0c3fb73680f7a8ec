import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { absorbLarge, draw } from "./hash.ts";

// Drivers in a town whose streets cross at right angles: a map in metres. Where a driver is depends only on the seed, the
// driver and the time, so that two runs agree wherever they overlap.
//
// Each driver makes one tour after the other, all of the same duration and length: from home and back, along eight legs of
// the same length, each across and along the grid. Tours differ by what is drawn: the directions, and where the driver
// stops for how long.

/** The area and the scale of the town, which suit pedestrians and planes too. */
export interface Town {
  radiusM: number;
  blockM: number;
  /** The length of a leg in blocks. */
  legBlocks: number;
  /** Metres per second, stops included. */
  meanSpeed: number;
  /** Metres per second squared, also for braking. */
  acceleration: number;
  tourSeconds: number;
}

/** A straight part of a tour: the driver accelerates to the peak, cruises, brakes, and may stop. */
interface Stretch {
  /** Where it begins, and its direction with its length, in metres. */
  x: number;
  y: number;
  across: number;
  along: number;
  /** The highest speed, in metres per second. */
  peak: number;
  /** When it begins, in seconds of the tour, and how long the driver drives. */
  begins: number;
  driving: number;
  /** Its share of all the time that the driver stands. */
  rest: number;
}

const LEGS = 8;
/** Speeds relative to the mean, stops included: no driver is ever twice as fast as the mean. */
const [SLOWEST, FASTEST] = [1.3, 1.8];
/** The share of stretches that end in a stop. */
const STOPS = 0.4;
/** What is drawn once for each driver. */
const TOURLESS = -1;
/** How many tours are kept, because a plan takes longer than a place on it: a few megabytes. */
const KEPT_TOURS = 10_000;

/** The town for these options. */
export function planTown(
  { radiusM, speedKmh }: Pick<ProduceOptions, "radiusM" | "speedKmh">,
): Town {
  const meanSpeed = speedKmh / 3.6;
  // A tour leads away from home by two legs at most, which is an eighth of the radius: homes are everywhere.
  const blockM = Math.min(Math.max(150, 15 * meanSpeed), radiusM / 32);
  const legM = Math.min(300 * meanSpeed, radiusM / 16);
  const legBlocks = Math.max(2, Math.floor(legM / blockM) || 0);
  const lengthM = LEGS * legBlocks * blockM;
  return {
    radiusM,
    blockM,
    legBlocks,
    meanSpeed,
    // The time for it, at each end of 16 stretches, fits into what the drivers gain by driving faster than the mean.
    acceleration: Math.max(1.5, 140 * meanSpeed * meanSpeed / lengthM || 0),
    tourSeconds: lengthM / meanSpeed,
  };
}

/** Metres east and north of the centre, at a time and for a driver, told by a hash. The grid is rotated by about 23°. */
export function openTraffic(
  town: Town,
): (seconds: number, hash: number) => [eastM: number, northM: number] {
  const { tourSeconds } = town;
  const kept = new Map<number, { tour: number; stretches: Stretch[] }>();
  const planOf = (hash: number, tour: number) => {
    const known = kept.get(hash);
    if (known?.tour === tour) return known.stretches;
    if (kept.size >= KEPT_TOURS) kept.clear();
    const stretches = planTour(absorbLarge(hash, tour), town, homeOf(hash, town));
    kept.set(hash, { tour, stretches });
    return stretches;
  };
  const placeAt = (seconds: number, hash: number) => {
    // The town is a point, or its drivers stand still.
    if (!(tourSeconds > 0 && tourSeconds < Infinity)) return homeOf(hash, town);
    const driven = seconds + draw(hash, TOURLESS) * tourSeconds;
    const tour = Math.floor(driven / tourSeconds);
    return placeOn(planOf(hash, tour), driven - tour * tourSeconds, town);
  };
  return (seconds, hash) => {
    const [x, y] = placeAt(seconds, hash);
    return [(12 * x + 5 * y) / 13, (12 * y - 5 * x) / 13];
  };
}

/** A corner from which no tour leaves the area. */
function homeOf(hash: number, { radiusM, blockM, legBlocks }: Town): [x: number, y: number] {
  const reachM = radiusM - (2 * legBlocks + 1) * blockM;
  for (let index = 0;; index += 2) {
    const x = draw(hash, index) * 2 - 1;
    const y = draw(hash, index + 1) * 2 - 1;
    if (x * x + y * y > 1) continue;
    return blockM === 0
      ? [0, 0]
      : [Math.round(x * reachM / blockM) * blockM, Math.round(y * reachM / blockM) * blockM];
  }
}

/** Two times two legs and the same legs back: the driver comes home on other streets. */
function planTour(hash: number, town: Town, [x, y]: [number, number]): Stretch[] {
  const { blockM, legBlocks, meanSpeed, acceleration } = town;
  const stretches: Stretch[] = [];
  // Stretches across and along the grid take turns, so that the driver always turns at right angles.
  const isFirstAcross = draw(hash, 0) < 0.5;
  const drive = (lengths: Record<"across" | "along", number>) => {
    const isAcross = isFirstAcross === (stretches.length % 2 === 0);
    const lengthM = lengths[isAcross ? "across" : "along"];
    // Every driver has the same speed on a street.
    const street = Math.round((isAcross ? y : x) / blockM);
    const cruise = meanSpeed * (SLOWEST + (FASTEST - SLOWEST) * draw(Number(isAcross), street));
    const peak = Math.min(cruise, Math.sqrt(Math.abs(lengthM) * acceleration));
    const driving = Math.abs(lengthM) / peak + peak / acceleration;
    const rest = Math.max(0, STOPS - draw(hash, 100 + stretches.length));
    const [across, along] = isAcross ? [lengthM, 0] : [0, lengthM];
    stretches.push({ x, y, across, along, peak, begins: 0, driving, rest });
    x += across;
    y += along;
  };
  for (let loop = 0; loop < LEGS; loop += 4) {
    const legs = [loop, loop + 1].map((leg) => {
      const blocks = 1 + Math.floor(draw(hash, 10 + leg) * (legBlocks - 1));
      const east = draw(hash, 20 + leg) < 0.5 ? blockM : -blockM;
      const north = draw(hash, 30 + leg) < 0.5 ? blockM : -blockM;
      return { across: east * blocks, along: north * (legBlocks - blocks) };
    });
    const back = legs.map(({ across, along }) => ({ across: -across, along: -along }));
    for (const leg of [...legs, ...back]) {
      drive(leg);
      drive(leg);
    }
  }
  return timed(stretches, town);
}

/** The time that is not driven is shared out among the stops; without any stop, the driver rests at home. */
function timed(stretches: Stretch[], { tourSeconds }: Town): Stretch[] {
  let [standing, rests, begins] = [tourSeconds, 0, 0];
  for (const { driving, rest } of stretches) {
    standing -= driving;
    rests += rest;
  }
  for (const stretch of stretches) {
    stretch.begins = begins;
    begins += stretch.driving + (rests > 0 ? standing * stretch.rest / rests : 0);
  }
  return stretches;
}

/** Where the driver is after so many seconds of the tour. */
function placeOn(stretches: Stretch[], seconds: number, { acceleration }: Town): [number, number] {
  let at = stretches.length - 1;
  while (stretches[at]!.begins > seconds) at--;
  const { x, y, across, along, peak, begins, driving } = stretches[at]!;
  const since = seconds - begins;
  const share = since >= driving ? 1 : shareDriven(since, driving, peak, acceleration);
  return [x + across * share, y + along * share];
}

function shareDriven(seconds: number, driving: number, peak: number, gain: number): number {
  const lengthM = (driving - peak / gain) * peak;
  const left = driving - seconds;
  if (seconds * gain < peak) return gain * seconds * seconds / 2 / lengthM;
  if (left * gain < peak) return 1 - gain * left * left / 2 / lengthM;
  return (seconds - peak / gain / 2) * peak / lengthM;
}
