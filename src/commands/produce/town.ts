import type { ProduceOptions } from "../../cli/commands/produce.ts";

// A town of streets, roads and motorways that cross at right angles: a map in metres. Its scale depends on speed, interval
// and area, so that it also suits pedestrians and planes.

/** Returns evenly distributed numbers from 0 up to, not including, 1. */
export type Random = () => number;

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

/** Where two lines cross, as line numbers from the centre; also the step between two corners. */
export interface Corner {
  column: number;
  row: number;
}

/** The town for these options; no driver is ever more than twice as fast as the mean speed. */
export function planTown(
  { radiusM, speedKmh, intervalMs }: Pick<ProduceOptions, "radiusM" | "speedKmh" | "intervalMs">,
): Town {
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

/** 0: street, 1: road, 2: motorway. */
export function rank(line: number): 0 | 1 | 2 {
  return line % 15 === 0 ? 2 : line % 5 === 0 ? 1 : 0;
}

/** Metres from the centre; the gap between two lines is half a block to one and a half. */
export function lineM(line: number, { blockM }: Town): number {
  // The final step of the murmur3 hash mixes the bits of the number.
  let bits = Math.imul(line ^ (line >>> 16), 0x85eb_ca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35);
  return line === 0 ? 0 : (line + 0.5 * ((bits ^ (bits >>> 16)) / 2 ** 32)) * blockM;
}

/** A random corner within reach, evenly distributed. */
export function drawCorner(around: Corner, reachM: number, town: Town, random: Random): Corner {
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

/** Whether a corner lies in the area. */
export function isInside({ column, row }: Corner, town: Town): boolean {
  const [x, y] = [lineM(column, town), lineM(row, town)];
  return x * x + y * y <= town.radiusM * town.radiusM;
}

/** The sum of a corner and a step. */
export function plus(a: Corner, b: Corner): Corner {
  return { column: a.column + b.column, row: a.row + b.row };
}

/** Whether two corners, or two steps, are equal. */
export function isSame(a: Corner, b: Corner): boolean {
  return a.column === b.column && a.row === b.row;
}

/** The number of the line that a step in this direction follows. */
export function lineAlong(corner: Corner, heading: Corner): number {
  return heading.row === 0 ? corner.row : corner.column;
}

/** Metres between two corners on one line. */
export function distanceM(a: Corner, b: Corner, town: Town): number {
  return Math.abs(lineM(b.column, town) - lineM(a.column, town)) +
    Math.abs(lineM(b.row, town) - lineM(a.row, town));
}
