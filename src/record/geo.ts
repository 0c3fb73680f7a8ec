/** Mean radius of the Earth in metres (IUGG). */
export const EARTH_RADIUS_M = 6_371_008.8;

/** Degrees; a box with west > east crosses 180°. */
export interface Box {
  west: number;
  south: number;
  east: number;
  north: number;
}

/** A position at a time; seconds since 1970, degrees. */
export interface Fix {
  timestamp: number;
  latitude: number;
  longitude: number;
}

// About a millimetre, so that rounding excludes no point inside the radius.
const SLACK_DEGREES = 1e-8;

/** A box that contains the whole circle; may be slightly too large, never too small. */
export function boxAround(
  { latitude, longitude, radiusM }: { latitude: number; longitude: number; radiusM: number },
): Box {
  const reach = degrees(radiusM / EARTH_RADIUS_M) + SLACK_DEGREES;
  const south = latitude - reach;
  const north = latitude + reach;
  if (south <= -90 || north >= 90) {
    return { west: -180, south: Math.max(south, -90), east: 180, north: Math.min(north, 90) };
  }
  const aside = degrees(Math.asin(Math.sin(radians(reach)) / Math.cos(radians(latitude))));
  return { west: wrap(longitude - aside), south, east: wrap(longitude + aside), north };
}

/** Extremes of a set of longitudes, overall and in each hemisphere; null for an empty hemisphere. */
interface Longitudes {
  min: number;
  max: number;
  /** The smallest longitude >= 0. */
  minEastern: number | null;
  /** The largest longitude < 0. */
  maxWestern: number | null;
}

/** West and east edge of the narrower box: one that does not cross 180°, or one that does. */
export function edges({ min, max, minEastern, maxWestern }: Longitudes): [number, number] {
  const splits = minEastern !== null && maxWestern !== null &&
    360 - minEastern + maxWestern < max - min;
  return splits ? [minEastern, maxWestern] : [min, max];
}

/**
 * Splits a track into parts that do not cross 180°, each with at least two fixes if the track has them. At a crossing
 * both parts end on the meridian, with latitude and time interpolated linearly (RFC 7946, 3.1.9).
 */
export function cutAt180(track: Fix[]): Fix[][] {
  const parts: Fix[][] = [];
  let part: Fix[] = [];
  for (const fix of track) {
    const last = part.at(-1);
    if (!last || Math.abs(fix.longitude - last.longitude) <= 180) part.push(fix);
    // 180 and -180 are the same meridian: a fix on it takes the sign of its neighbour.
    else if (isOn180(fix)) part.push(mirrored(fix));
    else {
      const [here, there] = isOn180(last) ? [null, mirrored(last)] : meet180(last, fix);
      if (here) part.push(here);
      if (part.length > 1) parts.push(part);
      part = [there, fix];
    }
  }
  return part.length > 0 ? [...parts, part] : parts;
}

function isOn180({ longitude }: Fix): boolean {
  return Math.abs(longitude) === 180;
}

function mirrored(fix: Fix): Fix {
  return { ...fix, longitude: -fix.longitude };
}

/** The point where the line from `a` to `b` crosses 180°, once with each sign. */
function meet180(a: Fix, b: Fix): [Fix, Fix] {
  const side = Math.sign(a.longitude) * 180;
  const before = Math.abs(side - a.longitude);
  const share = before / (before + Math.abs(side + b.longitude));
  const between = (from: number, to: number) => from + (to - from) * share;
  const here = {
    timestamp: between(a.timestamp, b.timestamp),
    latitude: between(a.latitude, b.latitude),
    longitude: side,
  };
  return [here, mirrored(here)];
}

/** Brings a longitude that exceeds ±180° by less than a turn back into range. */
export function wrap(longitude: number): number {
  if (longitude < -180) return longitude + 360;
  return longitude > 180 ? longitude - 360 : longitude;
}

function radians(degrees: number): number {
  return degrees * Math.PI / 180;
}

function degrees(radians: number): number {
  return radians * 180 / Math.PI;
}

/** Number, time range and bounding box of a set of fixes; times in seconds since 1970. */
export interface Extent {
  fixes: number;
  users: number;
  first: number;
  last: number;
  box: Box;
}
