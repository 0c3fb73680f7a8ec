import { EARTH_RADIUS_M as EARTH_M } from "../../record/geo.ts";

// Trigonometry with + - * / and sqrt only, which IEEE 754 defines to the last bit: Math.sin() and the like may differ
// between engines.

const RADIANS = Math.PI / 180;

/** The sine of −90 … 90 degrees, as a Taylor series; the first omitted term is below 3e-16. */
export function sine(degrees: number): number {
  const x = degrees * RADIANS;
  const s = x * x;
  let sum = 1;
  for (let n = 18; n > 0; n -= 2) sum = 1 - sum * s / (n * (n + 1));
  return x * sum;
}

/** The cosine of −90 … 90 degrees. */
export function cosine(degrees: number): number {
  return sine(90 - Math.abs(degrees));
}

/** The direction from the origin to a point in degrees, as atan2; 0 at the origin. */
function angle(y: number, x: number): number {
  if (x < 0) return (y < 0 ? -180 : 180) - arctangent(y / -x);
  return x === 0 && y === 0 ? 0 : arctangent(y / x);
}

/** In degrees, as a Taylor series, after halving the angle three times. */
function arctangent(slope: number): number {
  if (slope > 1 || slope < -1) return (slope > 0 ? 90 : -90) - arctangent(1 / slope);
  let t = slope;
  for (let half = 0; half < 3; half++) t /= 1 + Math.sqrt(1 + t * t);
  const s = t * t;
  let sum = 0;
  for (let n = 17; n > 0; n -= 2) sum = 1 / n - sum * s;
  return 8 * t * sum / RADIANS;
}

/** Normalizes to −180 ≤ longitude < 180. */
function wrap(longitude: number): number {
  return longitude - 360 * Math.floor((longitude + 180) / 360);
}

/**
 * Projects a map in metres around a centre onto the globe, up to half its circumference; returns degrees.
 * Azimuthal equidistant: distances from the centre are exact, all others are at most as long as on the map.
 */
export function onGlobe(
  [latitude, longitude]: [number, number],
): (eastM: number, northM: number) => [latitude: number, longitude: number] {
  const [sin0, cos0] = [sine(latitude), cosine(latitude)];
  return (eastM, northM) => {
    const away = Math.sqrt(eastM * eastM + northM * northM) / EARTH_M / RADIANS;
    const sinAway = sine(away > 90 ? 180 - away : away);
    const cosAway = away > 90 ? -cosine(180 - away) : cosine(away);
    const scale = away === 0 ? 0 : sinAway / (away * RADIANS * EARTH_M);
    const [east, north] = [eastM * scale, northM * scale];
    // Cartesian, from the middle of the earth: towards the centre's meridian, and towards the north pole.
    const out = cosAway * cos0 - north * sin0;
    const up = cosAway * sin0 + north * cos0;
    return [
      angle(up, Math.sqrt(out * out + east * east)),
      wrap(longitude + angle(east, out)),
    ];
  };
}

/** Half the circumference of the earth in metres, the greatest possible distance. */
export const DISTANCE_MAX_M = Math.PI * EARTH_M;
