import { type Box, cutAt180, EARTH_RADIUS_M, type Extent, type Fix, wrap } from "../record/geo.ts";
import { formatMany, zoneName } from "../units.ts";
import { clockText } from "./cell.ts";

/** A place on a drawing; y grows downward. */
export type Spot = [x: number, y: number];

/** A drawing's view of the Earth: plate carrée, true to scale in its middle. */
export interface Frame {
  /** The visible degrees; longitudes can exceed 180°. */
  view: Box;
  /** Metres per unit in the middle. */
  metres: number;
  /** The place of coordinates; the longitude must be within `view`. */
  spot(longitude: number, latitude: number): Spot;
  /** Lines through fixes, the shorter way around; a line that leaves the frame on one side continues on the other. */
  lines(fixes: Fix[]): Spot[][];
}

/** About 100 metres: a single fix is not drawn at a larger scale. */
const SPAN_MIN = 0.001;
const METRES_PER_DEGREE = EARTH_RADIUS_M * Math.PI / 180;

/** Fits a box in the middle of width × height units, with a margin around it. */
export function openFrame(
  box: Box,
  { width, height, margin }: { width: number; height: number; margin: number },
): Frame {
  const { middle, lonRatio, lonSpan, latSpan } = measure(box);
  const scale = Math.min(
    (width - 2 * margin) / (lonSpan * lonRatio),
    (height - 2 * margin) / latSpan,
  );
  const across = Math.min(width / scale / lonRatio / 2, 180);
  const up = height / scale / 2;
  const spotOf = (easting: number, latitude: number): Spot => [
    width / 2 + easting * lonRatio * scale,
    height / 2 - (latitude - middle.latitude) * scale,
  ];
  return {
    view: {
      west: middle.longitude - across,
      east: middle.longitude + across,
      south: middle.latitude - up,
      north: middle.latitude + up,
    },
    metres: METRES_PER_DEGREE / scale,
    spot: (longitude, latitude) => spotOf(longitude - middle.longitude, latitude),
    lines: (fixes) => {
      // Relative to the middle, so that the lines are cut on the far side of the Earth.
      const relative = fixes.map((fix) => ({
        ...fix,
        longitude: wrap(fix.longitude - middle.longitude),
      }));
      return cutAt180(relative).map((part) =>
        part.map(({ longitude, latitude }) => spotOf(longitude, latitude))
      );
    },
  };
}

/** Width divided by height, to choose the shape of a drawing. */
export function shapeOf(box: Box): number {
  const { lonSpan, lonRatio, latSpan } = measure(box);
  return lonSpan * lonRatio / latSpan;
}

/** Metres of a view that shows a box in its middle third: a page can be zoomed out, and its window is wide. */
export function reachOf(box: Box): number {
  const { lonSpan, lonRatio, latSpan } = measure(box);
  return 3 * Math.max(lonSpan * lonRatio, latSpan) * METRES_PER_DEGREE;
}

function measure({ west, south, east, north }: Box) {
  const width = east >= west ? east - west : east - west + 360;
  const latitude = (south + north) / 2;
  return {
    middle: { longitude: west + width / 2, latitude },
    // At a pole it is almost 0, but not 0: all longitudes are drawn in one place.
    lonRatio: Math.cos(latitude * Math.PI / 180),
    lonSpan: Math.max(width, SPAN_MIN),
    latSpan: Math.max(north - south, SPAN_MIN),
  };
}

/** The largest number of the form 1, 2 or 5 times a power of ten that is at most `most`. */
export function niceBelow(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const factor = [5, 2].find((factor) => factor * power <= most) ?? 1;
  return factor * power;
}

/** `500 m`, `2 km`. */
export function distanceText(metres: number): string {
  const text = metres < 1000 ? [metres, "m"] : [metres / 1000, "km"];
  return `${Number(Number(text[0]).toPrecision(12))} ${text[1]}`;
}

/** `60.17°N`, `24.9°E`, with as many decimals as the step needs. */
export function degreesText(value: number, axis: "latitude" | "longitude", step: number): string {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const inside = axis === "latitude" ? value : (value % 360 + 540) % 360 - 180;
  const text = Math.abs(inside).toFixed(digits);
  const [positive, negative] = axis === "latitude" ? "NS" : "EW";
  const isNeither = Number(text) === 0 || Number(text) === 180;
  return `${text}°${isNeither ? "" : inside > 0 ? positive : negative}`;
}

/** `1 234 fixes, 2026-11-24 10:00 to 12:00 UTC`: an equal second date is omitted. */
export function summary({ fixes, first, last }: Extent, zone: string): string {
  const [from, to] = [first, last].map((time) => clockText(time, zone).slice(0, 16));
  const until = to!.slice(0, 10) === from!.slice(0, 10) ? to!.slice(11) : to;
  const range = from === to ? from : `${from} to ${until}`;
  return `${formatMany(fixes, "fix", "fixes")}, ${range} ${zoneName(zone)}`;
}
