import type { ProduceOptions } from "../../cli/commands/produce.ts";
import type { Point } from "../../record/point.ts";
import { cosine, DISTANCE_MAX_M, onGlobe } from "./exact_math.ts";
import { absorb, absorbLarge, draw } from "./hash.ts";
import { openTraffic, planTown } from "./traffic.ts";

// The same seed must give the same bytes on every machine. So this file and those that it imports use only + - * /,
// integer operations, sqrt and rounding, which IEEE 754 defines to the last bit; Math.sin, Math.pow and the like may
// differ between engines.

/** Everything that determines the points. */
export interface TrackOptions
  extends Pick<ProduceOptions, "model" | "users" | "center" | "radiusM" | "speedKmh"> {
  /** A safe integer, not negative. */
  seed: number;
  /** The time between two fixes of a user. */
  intervalMs: number;
  /** The time of the first fix, since 1970. */
  startMs: number;
}

type Place = [latitude: number, longitude: number];

/** The fix of record `index`, counted from 0. A user's place depends on the seed, the area, the user and the time alone. */
export function openTrack(options: TrackOptions): (index: number) => Point {
  const { users, startMs, model } = options;
  const seedHash = absorbLarge(0, options.seed);
  const placeAt = model === "traffic" ? drivers(options) : anywhere;
  return (index) => {
    const user = index % users + 1;
    const ms = Math.round(startMs + elapsedMs(index, options));
    const [latitude, longitude] = placeAt(ms, absorb(seedHash, user));
    return {
      userID: user,
      timestamp: ms / 1000,
      coordinates: [round7(latitude), round7(longitude)],
    };
  };
}

/** Milliseconds from the first fix to that of record `index`; users are spread evenly over the interval. */
export function elapsedMs(
  index: number,
  { users, intervalMs }: { users: number; intervalMs: number },
): number {
  const round = Math.floor(index / users);
  return round * intervalMs + Math.round((index - round * users) * intervalMs / users);
}

function anywhere(ms: number, userHash: number): Place {
  const hash = absorbLarge(userHash, ms);
  const longitude = draw(hash, 0) * 360 - 180;
  for (let i = 1;; i += 2) {
    const latitude = draw(hash, i) * 180 - 90;
    // Circles of latitude shrink towards the poles: keep points in proportion to their length.
    if (draw(hash, i + 1) <= cosine(latitude)) return [latitude, longitude];
  }
}

function drivers(options: TrackOptions): (ms: number, userHash: number) => Place {
  const town = planTown({ ...options, radiusM: Math.min(options.radiusM, DISTANCE_MAX_M) });
  const positionAt = openTraffic(town);
  const project = onGlobe(options.center);
  return (ms, userHash) => project(...positionAt(ms / 1000, userHash));
}

/** Seven decimals are about a centimetre; adding 0 turns −0 into 0. */
function round7(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7 + 0;
}
