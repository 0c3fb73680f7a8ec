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
export interface Walker {
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
/** All possible steps, by sign plus 1; shared objects, since there may be a million walkers. */
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

/** Creates a walker somewhere in the town, in the middle of a drive or at rest. */
export function settleIn(town: Town, random: Random): Walker {
  const corner = drawCorner(NOWHERE, town.radiusM, town, random);
  const blockSeconds = town.blockM / town.meanSpeed;
  const walker: Walker = {
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
  // Prevents all walkers from starting at the same time.
  if (town.meanSpeed > 0) advance(walker, (1 + 2 * random()) * blockSeconds, town, random);
  return walker;
}

/** Moves the walker on by that time. */
export function advance(walker: Walker, seconds: number, town: Town, random: Random): void {
  for (;;) {
    const stretch = walker.stretches.at(-1);
    if (!stretch) {
      passCorner(walker, town, random);
      continue;
    }
    const passed = Math.min(seconds, stretch.seconds);
    walker.alongM += (stretch.speed + stretch.acceleration * passed / 2) * passed;
    stretch.speed += stretch.acceleration * passed;
    stretch.seconds -= passed;
    seconds -= passed;
    if (seconds <= 0) return;
    walker.stretches.pop();
  }
}

/** Metres east and north of the centre. The street grid is rotated against north by about 23°. */
export function whereIs(
  { corner, heading, alongM }: Walker,
  town: Town,
): [eastM: number, northM: number] {
  const x = lineM(corner.column, town) + heading.column * alongM;
  const y = lineM(corner.row, town) + heading.row * alongM;
  return [(12 * x + 5 * y) / 13, (12 * y - 5 * x) / 13];
}

function passCorner(walker: Walker, town: Town, random: Random): void {
  const corner = walker.corner = plus(walker.corner, walker.heading);
  walker.alongM = 0;
  if (isSame(corner, walker.target)) return arrive(walker, town, random);
  const heading = isSame(walker.ahead, NOWHERE)
    ? choose(corner, walker, town, random)
    : walker.ahead;
  if (!isSame(heading, walker.heading)) {
    const pace = CRUISE[rank(lineAlong(corner, heading))]!;
    walker.cruise = town.meanSpeed * pace * (0.9 + 0.2 * random());
  }
  walker.heading = heading;
  drive(walker, plus(corner, heading), town, random);
}

/** Rests until the drive with its rest has the mean speed, and chooses the next target. */
function arrive(walker: Walker, town: Town, random: Random): void {
  const { drivenM, drivenSeconds, corner } = walker;
  const seconds = drivenM / town.meanSpeed - drivenSeconds;
  walker.stretches = [standing(seconds > 0 ? seconds : town.blockM / town.meanSpeed)];
  walker.heading = walker.ahead = NOWHERE;
  walker.speed = walker.drivenM = walker.drivenSeconds = 0;
  walker.target = drawCorner(corner, REACH * town.blockM, town, random);
}

/** Drives to the next corner, and decides where to go from there. */
function drive(walker: Walker, corner: Corner, town: Town, random: Random): void {
  const { heading, cruise } = walker;
  const { blockM, meanSpeed } = town;
  const lengthM = distanceM(walker.corner, corner, town);
  const isLast = isSame(corner, walker.target);
  const ahead = isLast ? NOWHERE : choose(corner, walker, town, random);
  const isStraight = isSame(ahead, heading);
  const waits = !isLast && random() < lightOdds(corner, heading, isStraight);

  const wanted = isLast || waits ? 0 : isStraight ? cruise : TURNING * meanSpeed;
  const { to, stretches } = planStretches(walker, wanted, lengthM, town);
  const light = Math.min(LIGHT_SECONDS, 2 * blockM / meanSpeed);
  if (waits) stretches.unshift(standing(light * (0.25 + 0.75 * random())));
  walker.stretches = stretches;
  walker.ahead = ahead;
  walker.speed = to;
  walker.drivenM += lengthM;
  for (const { seconds } of stretches) walker.drivenSeconds += seconds;
}

/** The stretches of a distance, last first, with the wanted speed at its end, as far as the acceleration allows. */
function planStretches(
  { speed: from, cruise }: Walker,
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
  { target, heading }: Walker,
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
