import type { Fix } from "../record/geo.ts";
import { formatCount, formatMany } from "../units.ts";
import { coastlinesIn, hasCoastlines } from "./coastlines.ts";
import type { Format, RenderOptions } from "./format.ts";
import {
  degreesText,
  distanceText,
  type Frame,
  niceBelow,
  openFrame,
  shapeOf,
  type Spot,
  summary,
} from "./frame.ts";
import { PALETTE } from "./palette.ts";
import { tracks } from "./tracks.ts";

const WIDTH = 1000;
const TITLE = 56;
const MARGIN = 48;
/** Names in the whole legend, and in one line of it. */
const NAMED_MAX = 15;
const NAMED_IN_LINE = 5;
const LINE = 24;

const STYLE = `
svg { color-scheme: light dark; background: #fbfaf7 }
text { font: 12px ui-sans-serif, system-ui, "Segoe UI", "DejaVu Sans", sans-serif; fill: #5c6470 }
.title { font-size: 20px; font-weight: 600; fill: #1d232b }
.grid { stroke: #d9d6cd; stroke-width: 1 }
.coast { stroke: #a9a498; stroke-width: 1; fill: none }
.scale { stroke: #1d232b; stroke-width: 1.5; fill: none }
.paper { fill: #fbfaf7 }
path.t { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; stroke-opacity: .85 }
${PALETTE.map(({ light }, i) => `.c${i} { stroke: ${light}; color: ${light} }`).join("\n")}
circle { fill: currentColor; stroke: #fbfaf7; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
svg { background: #14181e }
text { fill: #98a2b0 }
.title { fill: #eef1f5 }
.grid { stroke: #2a313b }
.coast { stroke: #4a5462 }
.scale { stroke: #eef1f5 }
.paper { fill: #14181e }
circle { stroke: #14181e }
${PALETTE.map(({ dark }, i) => `.c${i} { stroke: ${dark}; color: ${dark} }`).join("\n")}
}`;

/** A self-contained drawing. Only the user names of the legend are kept in memory. */
export function svg(options: RenderOptions): Format {
  const { extent } = options;
  if (!extent) return { head: empty(), rows: () => "", tail: () => "" };
  const shape = Math.min(Math.max(shapeOf(extent.box), 1), 2.5);
  const height = Math.round(WIDTH / shape);
  const frame = openFrame(extent.box, { width: WIDTH, height, margin: MARGIN });
  const named: number[] = [];
  let users = 0;
  let last: Fix[] = [];
  /** Whether the segment has no line so far. */
  let isPoint = true;
  const colorIndex = () => (users - 1) % PALETTE.length;
  const lines = Math.ceil(Math.min(extent.users, NAMED_MAX) / NAMED_IN_LINE);
  const subtitle = `${formatMany(extent.users, "user")} · ${summary(extent, options.tz)}`;

  return tracks(options, {
    head: open(TITLE + height + lines * LINE + 24, subtitle) +
      `<svg y="${TITLE}" width="${WIDTH}" height="${height}">\n` + graticule(frame, height) +
      coasts(frame),
    user: (userID) => {
      if (named.length < NAMED_MAX) named.push(userID);
      users++;
      return `<g class="c${colorIndex()}"><title>user ${userID}</title>\n`;
    },
    segment: () => {
      last = [];
      isPoint = true;
      return "";
    },
    fixes: (run) => {
      const fixes = [...last, ...run];
      last = run.slice(-1);
      if (fixes.length === 1) return "";
      isPoint = false;
      return frame.lines(fixes).map((line) => `<path class="t" d="${pathOf(line)}"/>\n`).join("");
    },
    // A line without length would be a spot as small as a line is thin, and some programs draw none.
    endSegment: () => isPoint ? spot(frame, last[0]!, 4) : "",
    endUser: () => spot(frame, last[0]!, 6) + "</g>\n",
    tail: () =>
      `${scaleBar(frame, height)}</svg>\n` +
      `<g transform="translate(0 ${TITLE + height})">\n${legend(named, users)}</g>\n</svg>\n`,
  });
}

function spot(frame: Frame, fix: Fix, radius: number): string {
  const [x, y] = frame.lines([fix])[0]![0]!;
  return `<circle cx="${round(x)}" cy="${round(y)}" r="${radius}"/>\n`;
}

function empty(): string {
  return open(200, "no fixes") + "</svg>\n";
}

function open(height: number, subtitle: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" ` +
    `width="${WIDTH}" height="${height}" role="img">\n<title>routes: ${subtitle}</title>\n` +
    `<style>${STYLE}</style>\n` +
    `<rect class="paper" width="${WIDTH}" height="${height}"/>\n` +
    `<text class="title" x="20" y="35">routes</text>` +
    `<text x="${WIDTH - 20}" y="35" text-anchor="end">${subtitle}</text>\n`;
}

/** Rounded to a tenth of a unit; points closer than half a unit are omitted, except the last. */
function pathOf(line: Spot[]): string {
  let [x, y] = line[0]!;
  let text = `M${round(x)} ${round(y)}`;
  // All that is left of a line beside the cut at 180°.
  if (line.length === 1) return `${text}h0`;
  line.forEach(([toX, toY], i) => {
    const isNear = Math.abs(toX - x) + Math.abs(toY - y) < 0.5;
    if (i === 0 || (isNear && i < line.length - 1)) return;
    text += `L${round(toX)} ${round(toY)}`;
    [x, y] = [toX, toY];
  });
  return text;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function graticule(frame: Frame, height: number): string {
  const { west, east, south, north } = frame.view;
  const step = niceBelow((east - west) / 5);
  let text = "";
  for (const longitude of multiples(west, east, step)) {
    const x = round(frame.spot(longitude, 0)[0]);
    text += `<path class="grid" d="M${x} 0V${height}"/>`;
    if (x > 40 && x < WIDTH - 60) {
      text += `<text x="${x + 5}" y="14">${degreesText(longitude, "longitude", step)}</text>`;
    }
    text += "\n";
  }
  for (const latitude of multiples(Math.max(south, -90), Math.min(north, 90), step)) {
    const y = round(frame.spot(0, latitude)[1]);
    text += `<path class="grid" d="M0 ${y}H${WIDTH}"/>`;
    if (y > 30 && y < height - 10) {
      text += `<text x="${WIDTH - 8}" y="${y - 5}" text-anchor="end">${
        degreesText(latitude, "latitude", step)
      }</text>`;
    }
    text += "\n";
  }
  return text;
}

/** As one path; empty in a small area. */
function coasts(frame: Frame): string {
  if (!hasCoastlines(frame.metres * WIDTH)) return "";
  const lines = [...coastlinesIn(frame.view)].flatMap((line) => frame.lines(line));
  return lines.length === 0 ? "" : `<path class="coast" d="${lines.map(pathOf).join("")}"/>\n`;
}

function multiples(from: number, to: number, step: number): number[] {
  const first = Math.ceil(from / step);
  const count = Math.max(0, Math.floor(to / step) - first + 1);
  return Array.from({ length: count }, (_, i) => (first + i) * step);
}

function scaleBar(frame: Frame, height: number): string {
  const metres = niceBelow(frame.metres * WIDTH / 5);
  const length = round(metres / frame.metres);
  return `<path class="scale" d="M20 ${height - 24}v6h${length}v-6"/>` +
    `<text x="${28 + length}" y="${height - 15}">${distanceText(metres)}</text>\n`;
}

function legend(named: number[], users: number): string {
  const entries = named.map((userID, i) => {
    const [x, y] = [24 + i % NAMED_IN_LINE * 195, 28 + Math.floor(i / NAMED_IN_LINE) * LINE];
    const isLast = i === NAMED_MAX - 1 && users > NAMED_MAX;
    const text = isLast ? `and ${formatCount(users - i)} more` : `user ${userID}`;
    return `<circle class="c${i % PALETTE.length}" cx="${x}" cy="${y - 4}" r="5"/>` +
      `<text x="${x + 12}" y="${y}">${text}</text>\n`;
  });
  return entries.join("");
}
