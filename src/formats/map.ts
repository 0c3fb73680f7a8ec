import { formatCount } from "../time.ts";
import { isoTime } from "./cell.ts";
import type { Extent, Format, Look } from "./format.ts";
import { degreesText, distanceText, niceBelow, openFrame, shapeOf, type Spot } from "./frame.ts";
import { PALETTE } from "./palette.ts";
import { tracks } from "./tracks.ts";
import { bold } from "./vertical.ts";

const WIDTH = 80;
const WIDTH_MAX = 200;

/** A picture in the terminal, of braille where it is known; held is the picture alone, however many fixes there are. */
export function map(look: Look): Format {
  const { extent, color } = look;
  if (!extent) return { head: "", rows: () => "", tail: () => "" };
  const width = Math.max(20, Math.min(look.width ?? WIDTH, WIDTH_MAX));
  const columns = width - 2;
  // A cell is twice as high as wide, and as many dots; no higher than most terminals are at that width.
  const lines = Math.round(
    Math.min(Math.max(columns / 2 / shapeOf(extent.box), 6), Math.max(8, width / 4 - 2)),
  );
  const size = { width: columns * 2, height: lines * 4, margin: 3 };
  const frame = openFrame(extent.box, size);
  const picture = openPicture(columns, lines);
  const named: number[] = [];
  let users = 0;
  let last: Parameters<typeof frame.lines>[0] = [];
  const isUtf8 = look.unicode || look.width === null;

  return tracks(look, {
    head: "",
    user: (userID) => {
      // More than fit into the legend.
      if (named.length < width / 4) named.push(userID);
      users++;
      return "";
    },
    segment: () => {
      last = [];
      return "";
    },
    fixes: (run) => {
      const hue = (users - 1) % PALETTE.length;
      for (const line of frame.lines([...last, ...run])) picture.line(line, hue);
      last = run.slice(-1);
      return "";
    },
    endSegment: () => "",
    endUser: () => "",
    tail: () => border(picture.text({ isUtf8, color })) + legend(),
  });

  function border(body: string[]): string {
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

  function legend(): string {
    const metres = niceBelow(frame.metres * columns / 2);
    const length = Math.max(2, Math.round(metres / frame.metres / 2));
    const [end, dash, other] = isUtf8 ? "├─┤" : "|-|";
    const bar = end + dash!.repeat(length - 2) + other;
    return ` ${bar} ${distanceText(metres)}   ${summary(extent!)}\n ${
      bold("users", color)
    } ${names()}\n`;
  }

  /** As many as fit into a line. */
  function names(): string {
    const dot = isUtf8 ? "●" : "*";
    const all = named.map(String);
    const more = () => users > all.length ? `and ${formatCount(users - all.length)} more` : "";
    const length = () => [...all.map((name) => `${dot} ${name}`), more()].join("  ").length + 8;
    while (all.length > 1 && length() > width) all.pop();
    const shown = all.map((name, i) => color ? `${paint(dot, i % PALETTE.length)} ${name}` : name);
    return [...shown, more()].join(color ? "  " : " ").trimEnd();
  }
}

/** `1 234 fixes, 2026-11-24 10:00 to 12:00`: a date that is the first one's is not said again. */
export function summary({ fixes, first, last }: Extent): string {
  const [from, to] = [first, last].map((time) => isoTime(time).slice(0, 16).replace("T", " "));
  const until = to!.slice(0, 10) === from!.slice(0, 10) ? to!.slice(11) : to;
  const count = `${formatCount(fixes)} ${fixes === 1 ? "fix" : "fixes"}`;
  return `${count}, ${from}${from === to ? "" : ` to ${until}`} UTC`;
}

function paint(text: string, hue: number): string {
  return `\x1b[38;5;${PALETTE[hue]!.terminal}m${text}\x1b[39m`;
}

/** Dots by their place in a cell of 2 × 4, as Unicode numbers them. */
const DOTS = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/** Cells of 2 × 4 dots, each in the colour of the last line through it. */
function openPicture(columns: number, lines: number) {
  const dots = new Uint8Array(columns * lines);
  const hues = new Uint8Array(columns * lines);

  function dot(x: number, y: number, hue: number): void {
    const [column, line] = [x >> 1, y >> 2];
    if (column < 0 || column >= columns || line < 0 || line >= lines) return;
    dots[line * columns + column]! |= DOTS[x & 1]![y & 3]!;
    hues[line * columns + column] = hue;
  }

  return {
    line: (spots: Spot[], hue: number) => {
      let [x, y] = spots[0]!;
      for (const [toX, toY] of spots) {
        const steps = Math.max(1, Math.ceil(Math.max(Math.abs(toX - x), Math.abs(toY - y))));
        for (let i = 0; i <= steps; i++) {
          dot(Math.floor(x + (toX - x) * i / steps), Math.floor(y + (toY - y) * i / steps), hue);
        }
        [x, y] = [toX, toY];
      }
    },
    text: ({ isUtf8, color }: { isUtf8: boolean; color: boolean }) =>
      Array.from({ length: lines }, (_, line) => {
        let text = "";
        for (let at = line * columns; at < (line + 1) * columns; at++) {
          const sign = isUtf8 ? String.fromCharCode(0x2800 + dots[at]!) : "*";
          text += dots[at] === 0 ? " " : color ? paint(sign, hues[at]!) : sign;
        }
        return text;
      }),
  };
}
