import type { Spot } from "./frame.ts";
import { PALETTE } from "./palette.ts";

/** The Unicode bit of each dot in a braille cell of 2 × 4. */
const DOTS = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];

/** A picture of cells with 2 × 4 dots; a cell has the colour of the last line that was drawn through it. */
export function openPicture(columns: number, lines: number) {
  const dots = new Uint8Array(columns * lines);
  const colors = new Uint8Array(columns * lines);

  function dot(x: number, y: number, color: number): void {
    const [column, line] = [x >> 1, y >> 2];
    if (column < 0 || column >= columns || line < 0 || line >= lines) return;
    dots[line * columns + column]! |= DOTS[x & 1]![y & 3]!;
    colors[line * columns + column] = color;
  }

  return {
    line: (spots: Spot[], color: number) => {
      let [x, y] = spots[0]!;
      for (const [toX, toY] of spots) {
        const steps = Math.max(1, Math.ceil(Math.max(Math.abs(toX - x), Math.abs(toY - y))));
        for (let i = 0; i <= steps; i++) {
          dot(
            Math.floor(x + (toX - x) * i / steps),
            Math.floor(y + (toY - y) * i / steps),
            color,
          );
        }
        [x, y] = [toX, toY];
      }
    },
    text: ({ isUtf8, color }: { isUtf8: boolean; color: boolean }) =>
      Array.from({ length: lines }, (_, line) => {
        let text = "";
        for (let at = line * columns; at < (line + 1) * columns; at++) {
          const char = isUtf8 ? String.fromCharCode(0x2800 + dots[at]!) : "*";
          text += dots[at] === 0 ? " " : color ? colored(char, colors[at]!) : char;
        }
        return text;
      }),
  };
}

/** Text in a colour of the palette. */
export function colored(text: string, color: number): string {
  return `\x1b[38;5;${PALETTE[color]!.terminal}m${text}\x1b[39m`;
}
