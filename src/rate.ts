import { formatClock, formatCount } from "./time.ts";

const WINDOW_MS = 5_000;

/** How fast a count has grown of late: a line on the way tells how it goes now, not since yesterday. */
export class Rate {
  readonly #samples: [ms: number, count: number][] = [[0, 0]];

  /** Takes the count at this time, milliseconds since the beginning; returns its growth a second. */
  at(ms: number, count: number): number {
    const samples = this.#samples;
    samples.push([ms, count]);
    while (samples[1]![0] < ms - WINDOW_MS) samples.shift();
    const [beganMs, before] = samples[0]!;
    return ms > beganMs ? (count - before) * 1000 / (ms - beganMs) : 0;
  }
}

/** Milliseconds that so many more take at this rate; Infinity where nothing moves. */
export function timeLeft(count: number, perSecond: number): number {
  return perSecond > 0 ? count / perSecond * 1000 : Infinity;
}

/** `1 830/s` */
export function formatRate(perSecond: number): string {
  return `${formatCount(Math.round(perSecond))}/s`;
}

/** `0:07 · 0:02 left`: how long it goes already, and still; Infinity where nobody knows. */
export function formatCourse(ms: number, leftMs: number): string {
  const left = leftMs < Infinity ? ` · ${formatClock(Math.ceil(leftMs / 1000) * 1000)} left` : "";
  return formatClock(ms) + left;
}
