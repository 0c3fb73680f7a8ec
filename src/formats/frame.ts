import { type Box, cutAt180, EARTH_RADIUS_M, type Extent, type Fix, wrap } from "../record/geo.ts";
import { formatCount } from "../units.ts";
import { isoTime } from "./cell.ts";

/** A place on a drawing; y grows downward. */
export type Spot = [x: number, y: number];

/** A drawing's view of the Earth: plate carrée, true to scale in its middle. */
export interface Frame {
  /** The visible degrees; longitudes can exceed 180°. */
  view: Box;
  /** Metres per unit in the middle. */
  metres: number;
  /** Of degrees, the longitude within `view`. */
  spot(longitude: number, latitude: number): Spot;
  /** Lines through fixes, the shorter way round; parts where they leave the frame and come in on the other side. */
  lines(fixes: Fix[]): Spot[][];
}

/** About 100 metres: a single fix is no reason to look closer. */
const SPAN_MIN = 0.001;
const METRES_A_DEGREE = EARTH_RADIUS_M * Math.PI / 180;

/** Fits a box in the middle of width × height units, with a margin around it. */
export function openFrame(
  box: Box,
  { width, height, margin }: { width: number; height: number; margin: number },
): Frame {
  const { middle, squeeze, span, rise } = measure(box);
  const scale = Math.min((width - 2 * margin) / (span * squeeze), (height - 2 * margin) / rise);
  const across = Math.min(width / scale / squeeze / 2, 180);
  const up = height / scale / 2;
  const spotOf = (aside: number, latitude: number): Spot => [
    width / 2 + aside * squeeze * scale,
    height / 2 - (latitude - middle.latitude) * scale,
  ];
  return {
    view: {
      west: middle.longitude - across,
      east: middle.longitude + across,
      south: middle.latitude - up,
      north: middle.latitude + up,
    },
    metres: METRES_A_DEGREE / scale,
    spot: (longitude, latitude) => spotOf(longitude - middle.longitude, latitude),
    lines: (fixes) => {
      // Relative to the middle, so that the lines are cut on the far side of the Earth.
      const turned = fixes.map((fix) => ({
        ...fix,
        longitude: wrap(fix.longitude - middle.longitude),
      }));
      return cutAt180(turned).map((part) =>
        part.map(({ longitude, latitude }) => spotOf(longitude, latitude))
      );
    },
  };
}

/** Width by height of the box, to choose a drawing's shape by. */
export function shapeOf(box: Box): number {
  const { span, squeeze, rise } = measure(box);
  return span * squeeze / rise;
}

function measure({ west, south, east, north }: Box) {
  const width = east >= west ? east - west : east - west + 360;
  const latitude = (south + north) / 2;
  return {
    middle: { longitude: west + width / 2, latitude },
    // Not 0 even at a pole, in floating point; there all longitudes are drawn in one place.
    squeeze: Math.cos(latitude * Math.PI / 180),
    span: Math.max(width, SPAN_MIN),
    rise: Math.max(north - south, SPAN_MIN),
  };
}

/** The largest of 1, 2 or 5 times a power of ten that is not above `most`. */
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

/** `1 234 fixes, 2026-11-24 10:00 to 12:00`: an equal second date is omitted. */
export function summary({ fixes, first, last }: Extent): string {
  const [from, to] = [first, last].map((time) => isoTime(time).slice(0, 16).replace("T", " "));
  const until = to!.slice(0, 10) === from!.slice(0, 10) ? to!.slice(11) : to;
  const count = `${formatCount(fixes)} ${fixes === 1 ? "fix" : "fixes"}`;
  return `${count}, ${from}${from === to ? "" : ` to ${until}`} UTC`;
}
