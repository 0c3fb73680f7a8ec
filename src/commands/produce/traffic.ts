import {
  type Corner,
  distanceM,
  drawCorner,
  isInside,
  isSame,
  lineAlong,
  lineM,
  plus,
  type Random,
  rank,
  type Town,
} from "./town.ts";

// Simulates drivers in a town. A driver accelerates, cruises, brakes for turns and traffic lights, arrives, rests, and
// starts again.

/** One driver. */
export interface Driver {
  /** The last corner, and the step to the next one: along one line, zero at rest. */
  corner: Corner;
  heading: Corner;
  alongM: number;
  /** The step after that; zero while undecided. */
  ahead: Corner;
  target: Corner;
  /** Metres per second: at the last corner, and the cruising speed on this road. */
  speed: number;
  cruise: number;
  /** The stretches up to the next corner, in reverse order. */
  stretches: Stretch[];
  /** Since the start of this drive. */
  drivenM: number;
  drivenSeconds: number;
}

/** A time of constant acceleration. */
interface Stretch {
  seconds: number;
  speed: number;
  acceleration: number;
}

const NOWHERE: Corner = { column: 0, row: 0 };
/** All possible steps, by sign plus 1; shared objects, since there may be a million drivers. */
const ACROSS: Corner[] = [-1, 0, 1].map((column) => ({ column, row: 0 }));
const ALONG: Corner[] = [-1, 0, 1].map((row) => ({ column: 0, row }));
/** Speeds relative to the mean: on a street, a road, a motorway, and in a turn. */
const CRUISE = [1.25, 1.55, 1.8];
const TURNING = 0.5;
/** The longest drive, in blocks as the crow flies. */
const REACH = 40;
/** The longest red light. */
const LIGHT_SECONDS = 40;
/** The share of drivers that rest at the start. */
const RESTING = 0.1;

/** Creates a driver somewhere in the town, in the middle of a drive or at rest. */
export function createDriver(town: Town, random: Random): Driver {
  const corner = drawCorner(NOWHERE, town.radiusM, town, random);
  const blockSeconds = town.blockM / town.meanSpeed;
  const driver: Driver = {
    corner,
    heading: NOWHERE,
    alongM: 0,
    ahead: NOWHERE,
    target: drawCorner(corner, random() * REACH * town.blockM, town, random),
    speed: 0,
    cruise: 0,
    stretches: random() < RESTING ? [standing(random() * 10 * blockSeconds)] : [],
    drivenM: 0,
    drivenSeconds: 0,
  };
  // Prevents all drivers from starting at the same time.
  if (town.meanSpeed > 0) advance(driver, (1 + 2 * random()) * blockSeconds, town, random);
  return driver;
}

/** Moves the driver on by that time. */
export function advance(driver: Driver, seconds: number, town: Town, random: Random): void {
  for (;;) {
    const stretch = driver.stretches.at(-1);
    if (!stretch) {
      passCorner(driver, town, random);
      continue;
    }
    const passed = Math.min(seconds, stretch.seconds);
    driver.alongM += (stretch.speed + stretch.acceleration * passed / 2) * passed;
    stretch.speed += stretch.acceleration * passed;
    stretch.seconds -= passed;
    seconds -= passed;
    if (seconds <= 0) return;
    driver.stretches.pop();
  }
}

/** Metres east and north of the centre. The street grid is rotated against north by about 23°. */
export function positionOf(
  { corner, heading, alongM }: Driver,
  town: Town,
): [eastM: number, northM: number] {
  const x = lineM(corner.column, town) + heading.column * alongM;
  const y = lineM(corner.row, town) + heading.row * alongM;
  return [(12 * x + 5 * y) / 13, (12 * y - 5 * x) / 13];
}

function passCorner(driver: Driver, town: Town, random: Random): void {
  const corner = driver.corner = plus(driver.corner, driver.heading);
  driver.alongM = 0;
  if (isSame(corner, driver.target)) return arrive(driver, town, random);
  const heading = isSame(driver.ahead, NOWHERE)
    ? choose(corner, driver, town, random)
    : driver.ahead;
  if (!isSame(heading, driver.heading)) {
    const pace = CRUISE[rank(lineAlong(corner, heading))]!;
    driver.cruise = town.meanSpeed * pace * (0.9 + 0.2 * random());
  }
  driver.heading = heading;
  drive(driver, plus(corner, heading), town, random);
}

/** Rests until the drive with its rest has the mean speed, and chooses the next target. */
function arrive(driver: Driver, town: Town, random: Random): void {
  const { drivenM, drivenSeconds, corner } = driver;
  const seconds = drivenM / town.meanSpeed - drivenSeconds;
  driver.stretches = [standing(seconds > 0 ? seconds : town.blockM / town.meanSpeed)];
  driver.heading = driver.ahead = NOWHERE;
  driver.speed = driver.drivenM = driver.drivenSeconds = 0;
  driver.target = drawCorner(corner, REACH * town.blockM, town, random);
}

/** Drives to the next corner, and decides where to go from there. */
function drive(driver: Driver, corner: Corner, town: Town, random: Random): void {
  const { heading, cruise } = driver;
  const { blockM, meanSpeed } = town;
  const lengthM = distanceM(driver.corner, corner, town);
  const isLast = isSame(corner, driver.target);
  const ahead = isLast ? NOWHERE : choose(corner, driver, town, random);
  const isStraight = isSame(ahead, heading);
  const waits = !isLast && random() < lightOdds(corner, heading, isStraight);

  const wanted = isLast || waits ? 0 : isStraight ? cruise : TURNING * meanSpeed;
  const { to, stretches } = planStretches(driver, wanted, lengthM, town);
  const light = Math.min(LIGHT_SECONDS, 2 * blockM / meanSpeed);
  if (waits) stretches.unshift(standing(light * (0.25 + 0.75 * random())));
  driver.stretches = stretches;
  driver.ahead = ahead;
  driver.speed = to;
  driver.drivenM += lengthM;
  for (const { seconds } of stretches) driver.drivenSeconds += seconds;
}

/** The stretches of a distance, last first, with the wanted speed at its end, as far as the acceleration allows. */
function planStretches(
  { speed: from, cruise }: Driver,
  wanted: number,
  lengthM: number,
  { acceleration: gain }: Town,
): { to: number; stretches: Stretch[] } {
  const to = Math.min(wanted, Math.sqrt(from * from + 2 * gain * lengthM));
  // A turn from a motorway into a nearby street needs harder braking.
  const loss = Math.max(gain, (from * from - to * to) / (2 * lengthM));
  const square = (2 * gain * loss * lengthM + loss * from * from + gain * to * to) / (gain + loss);
  const peak = Math.min(Math.sqrt(square), cruise);
  const gainM = (peak * peak - from * from) / (2 * gain);
  const lossM = (peak * peak - to * to) / (2 * loss);
  const stretches = [
    { seconds: (peak - to) / loss, speed: peak, acceleration: -loss },
    { seconds: Math.max(lengthM - gainM - lossM, 0) / peak, speed: peak, acceleration: 0 },
    { seconds: (peak - from) / gain, speed: from, acceleration: gain },
  ];
  return { to, stretches };
}

/** The next step to the target. The area is round, so one of the two lines towards it never leaves the area. */
function choose(
  corner: Corner,
  { target, heading }: Driver,
  town: Town,
  random: Random,
): Corner {
  const across = ACROSS[Math.sign(target.column - corner.column) + 1]!;
  const along = ALONG[Math.sign(target.row - corner.row) + 1]!;
  if (across.column === 0 || !isInside(plus(corner, across), town)) return along;
  if (along.row === 0 || !isInside(plus(corner, along), town)) return across;
  const [isAcross, isAlong] = [isSame(heading, across), isSame(heading, along)];
  const better = rank(corner.row) - rank(corner.column);
  // Most drivers prefer the better road, else go straight on.
  const odds = better > 0 ? 0.85 : better < 0 ? 0.15 : isAcross ? 0.8 : isAlong ? 0.2 : 0.5;
  return random() < odds ? across : along;
}

/** The probability of a red light. */
function lightOdds(corner: Corner, heading: Corner, isStraight: boolean): number {
  if (isStraight && rank(lineAlong(corner, heading)) === 2) return 0;
  return rank(heading.row === 0 ? corner.column : corner.row) > 0 ? 0.2 : 0.05;
}

function standing(seconds: number): Stretch {
  return { seconds, speed: 0, acceleration: 0 };
}
