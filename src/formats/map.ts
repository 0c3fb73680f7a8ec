import { formatCount } from "../units.ts";
import { colored, openPicture } from "./braille.ts";
import type { Format, RenderOptions } from "./format.ts";
import {
  degreesText,
  distanceText,
  type Frame,
  niceBelow,
  openFrame,
  shapeOf,
  summary,
} from "./frame.ts";
import { PALETTE } from "./palette.ts";
import { tracks } from "./tracks.ts";
import { bold } from "./vertical.ts";

const WIDTH = 80;
const WIDTH_MAX = 200;
/** Lines of a terminal without the picture: the title of --watch, border, users, and the next prompt. */
const OTHER_LINES = 5;

/** A picture in the terminal, in braille if it supports Unicode. Memory use does not depend on the number of fixes. */
export function map(options: RenderOptions): Format {
  const { extent, color } = options;
  if (!extent) return { head: "", rows: () => "", tail: () => "" };
  const width = Math.max(20, Math.min(options.width ?? WIDTH, WIDTH_MAX));
  const columns = width - 2;
  const facts = summary(extent, options.tz);
  // The scale takes at most a quarter of the line.
  const isLong = facts.length + columns / 4 + 12 > width;
  const room = options.height === null
    ? Math.max(8, width / 4 - 2)
    : Math.max(2, options.height - OTHER_LINES - (isLong ? 2 : 1));
  // A cell is twice as high as wide.
  const lines = Math.round(Math.min(Math.max(columns / 2 / shapeOf(extent.box), 6), room));
  const size = { width: columns * 2, height: lines * 4, margin: 3 };
  const frame = openFrame(extent.box, size);
  const picture = openPicture(columns, lines);
  const named: number[] = [];
  let users = 0;
  let last: Parameters<typeof frame.lines>[0] = [];
  const isUtf8 = options.unicode || (options.width === null && !options.ascii);
  const style: Style = { frame, columns, isUtf8, color };
  const between = isLong ? "\n " : "   ";

  return tracks(options, {
    head: "",
    user: (userID) => {
      // A few more than fit into the legend.
      if (named.length < width / 4) named.push(userID);
      users++;
      return "";
    },
    segment: () => {
      last = [];
      return "";
    },
    fixes: (run) => {
      const colorIndex = (users - 1) % PALETTE.length;
      for (const line of frame.lines([...last, ...run])) picture.line(line, colorIndex);
      last = run.slice(-1);
      return "";
    },
    endSegment: () => "",
    endUser: () => "",
    tail: () =>
      border(picture.text({ isUtf8, color }), style) +
      ` ${scale(style)}${between}${facts}\n` +
      ` ${bold("users", color)} ${names(named, users, style)}\n`,
  });
}

/** How border and legend are drawn. */
interface Style {
  frame: Frame;
  /** The width of the picture without its border. */
  columns: number;
  isUtf8: boolean;
  color: boolean;
}

function border(body: string[], { frame, columns, isUtf8 }: Style): string {
  const [dash, bar, corners] = isUtf8 ? ["─", "│", "┌┐└┘"] : ["-", "|", "++++"];
  const { north, south, west, east } = frame.view;
  const step = niceBelow((north - south) / 10);
  const at = (value: number, axis: "latitude" | "longitude") =>
    degreesText(value, axis, step).replace("°", isUtf8 ? "°" : "");
  const edge = (start: string, end: string) =>
    `${dash} ${start} `.padEnd(columns - end.length, dash) + end;
  const top = edge(at(Math.min(north, 90), "latitude"), "");
  const bottom = edge(
    `${at(Math.max(south, -90), "latitude")} ${at(west, "longitude")}`,
    ` ${at(east, "longitude")} ${dash}`,
  );
  return `${corners[0]}${top}${corners[1]}\n` +
    body.map((line) => `${bar}${line}${bar}\n`).join("") +
    `${corners[2]}${bottom}${corners[3]}\n`;
}

function scale({ frame, columns, isUtf8 }: Style): string {
  const metres = niceBelow(frame.metres * columns / 2);
  const length = Math.max(2, Math.round(metres / frame.metres / 2));
  const [end, dash, other] = isUtf8 ? "├─┤" : "|-|";
  return `${end}${dash!.repeat(length - 2)}${other} ${distanceText(metres)}`;
}

/** As many names as fit into a line; `named` are the first of `users` users. */
function names(named: number[], users: number, { columns, isUtf8, color }: Style): string {
  const dot = isUtf8 ? "●" : "*";
  const all = named.map(String);
  const more = () => users > all.length ? `and ${formatCount(users - all.length)} more` : "";
  const length = () => [...all.map((name) => `${dot} ${name}`), more()].join("  ").length + 8;
  while (all.length > 1 && length() > columns + 2) all.pop();
  const items = all.map((name, i) => color ? `${colored(dot, i % PALETTE.length)} ${name}` : name);
  return [...items, more()].join(color ? "  " : " ").trimEnd();
}
