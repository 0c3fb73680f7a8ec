// Simulates drivers in a town of streets, roads and motorways that cross at right angles. A driver accelerates, cruises,
// brakes for turns and traffic lights, arrives, rests, and starts again. The town is a map in metres; its scale depends on
// speed, interval and area, so that it also suits pedestrians and planes.

/** Returns evenly distributed numbers from 0 up to, not including, 1. */
export type Random = () => number;

/** What determines the walks, apart from the random numbers. */
export interface WalkOptions {
  radiusM: number;
  /** The mean, rests included; no driver is ever more than twice as fast. */
  speedKmh: number;
  intervalMs: number;
}

/** The area and the scale of the town. */
export interface Town {
  radiusM: number;
  /** The mean distance between two parallel lines. */
  blockM: number;
  /** Metres per second. */
  meanSpeed: number;
  /** Metres per second squared, also for braking. */
  acceleration: number;
}

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

/** Where two lines cross, as line numbers from the centre; also the step between two corners. */
interface Corner {
  column: number;
  row: number;
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

/** The town for these options. */
export function layOut({ radiusM, speedKmh, intervalMs }: WalkOptions): Town {
  // No driver crosses the whole town between two fixes.
  const meanSpeed = Math.min(speedKmh / 3.6, radiusM * 1000 / intervalMs);
  // A block has three fixes or more, else turns are not visible; the smallest town still has enough blocks.
  const blockM = Math.min(Math.max(150, 3 * meanSpeed * intervalMs / 1000), radiusM / 4) || 1;
  return {
    radiusM,
    blockM,
    meanSpeed,
    acceleration: Math.max(1.5, 2 * meanSpeed * meanSpeed / blockM),
  };
}

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

/** Plans the stretches to the next corner. */
function drive(walker: Walker, corner: Corner, town: Town, random: Random): void {
  const { heading, speed: from, cruise } = walker;
  const { acceleration: gain, meanSpeed, blockM } = town;
  const lengthM = Math.abs(lineM(corner.column, town) - lineM(walker.corner.column, town)) +
    Math.abs(lineM(corner.row, town) - lineM(walker.corner.row, town));
  const isLast = isSame(corner, walker.target);
  const ahead = isLast ? NOWHERE : choose(corner, walker, town, random);
  const isStraight = isSame(ahead, heading);
  const waits = !isLast && random() < lightOdds(corner, heading, isStraight);

  const wanted = isLast || waits ? 0 : isStraight ? cruise : TURNING * meanSpeed;
  const to = Math.min(wanted, Math.sqrt(from * from + 2 * gain * lengthM));
  // A turn from a motorway into a nearby street needs harder braking.
  const loss = Math.max(gain, (from * from - to * to) / (2 * lengthM));
  const square = (2 * gain * loss * lengthM + loss * from * from + gain * to * to) / (gain + loss);
  const peak = Math.min(Math.sqrt(square), cruise);
  const gainM = (peak * peak - from * from) / (2 * gain);
  const lossM = (peak * peak - to * to) / (2 * loss);
  const light = Math.min(LIGHT_SECONDS, 2 * blockM / meanSpeed);
  walker.stretches = [
    ...(waits ? [standing(light * (0.25 + 0.75 * random()))] : []),
    { seconds: (peak - to) / loss, speed: peak, acceleration: -loss },
    { seconds: Math.max(lengthM - gainM - lossM, 0) / peak, speed: peak, acceleration: 0 },
    { seconds: (peak - from) / gain, speed: from, acceleration: gain },
  ];
  walker.ahead = ahead;
  walker.speed = to;
  walker.drivenM += lengthM;
  for (const { seconds } of walker.stretches) walker.drivenSeconds += seconds;
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

/** 0: street, 1: road, 2: motorway. */
function rank(line: number): 0 | 1 | 2 {
  return line % 15 === 0 ? 2 : line % 5 === 0 ? 1 : 0;
}

/** Metres from the centre; the gap between two lines is half a block to one and a half. */
function lineM(line: number, { blockM }: Town): number {
  // The final step of the murmur3 hash mixes the bits of the number.
  let bits = Math.imul(line ^ (line >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return line === 0 ? 0 : (line + 0.5 * ((bits ^ (bits >>> 16)) / 2 ** 32)) * blockM;
}

/** A random corner within reach, evenly distributed. */
function drawCorner(around: Corner, reachM: number, town: Town, random: Random): Corner {
  const { radiusM, blockM } = town;
  const reach = Math.min(reachM, radiusM);
  for (;;) {
    const x = random() * 2 - 1;
    const y = random() * 2 - 1;
    if (x * x + y * y > 1) continue;
    const corner = {
      column: Math.round((lineM(around.column, town) + x * reach) / blockM),
      row: Math.round((lineM(around.row, town) + y * reach) / blockM),
    };
    if (isInside(corner, town)) return corner;
  }
}

function isInside({ column, row }: Corner, town: Town): boolean {
  const [x, y] = [lineM(column, town), lineM(row, town)];
  return x * x + y * y <= town.radiusM * town.radiusM;
}

function plus(a: Corner, b: Corner): Corner {
  return { column: a.column + b.column, row: a.row + b.row };
}

function isSame(a: Corner, b: Corner): boolean {
  return a.column === b.column && a.row === b.row;
}

/** The number of the line that the walker follows. */
function lineAlong(corner: Corner, heading: Corner): number {
  return heading.row === 0 ? corner.row : corner.column;
}

function standing(seconds: number): Stretch {
  return { seconds, speed: 0, acceleration: 0 };
}
