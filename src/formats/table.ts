import type { Format, RenderOptions } from "./format.ts";
import { widthOf } from "./terminal_text.ts";
import { bold, headOf, peopleText, vertical } from "./vertical.ts";

const TEXT_MAX = 120;

/** Aligned columns, or vertical if wider than the terminal. The first batch determines the widths. */
export function table(options: RenderOptions): Format {
  const { columns, header, time, unicode, width, color } = options;
  const texts = columns.map((column) => peopleText(column, options, TEXT_MAX));
  const heads = columns.map((column) => headOf(column, options));
  const [dash, cross, bar] = unicode ? ["─", "┼", "│"] : ["-", "+", "|"];
  const leftAligned = columns.map(({ kind }) =>
    kind === "text" || (kind === "time" && time === "iso")
  );
  let widths: number[] | null = null;
  let fallback: Format | null = null;

  function line(cells: string[], widths: number[], style = (text: string) => text): string {
    const padded = cells.map((text, i) => {
      const padding = " ".repeat(Math.max(0, widths[i]! - widthOf(text)));
      return leftAligned[i] ? style(text) + padding : padding + style(text);
    });
    return ` ${padded.join(` ${bar} `)}`.trimEnd() + "\n";
  }

  function top(widths: number[]): string {
    if (!header) return "";
    const rule = widths.map((width) => dash!.repeat(width + 2)).join(cross);
    return line(heads, widths, (name) => bold(name, color)) + rule + "\n";
  }

  function begin(cells: string[][]): string {
    widths = heads.map((head, i) =>
      cells.reduce((most, row) => Math.max(most, widthOf(row[i]!)), header ? head.length : 0)
    );
    const total = widths.reduce((sum, width) => sum + width + 3, -1);
    if (width !== null && total > width && cells.length > 0) fallback = vertical(options);
    return fallback ? "" : top(widths);
  }

  return {
    head: "",
    rows: (batch) => {
      const cells = batch.map((row) => row.map((cell, i) => texts[i]!(cell)));
      const head = widths ? "" : begin(cells);
      if (fallback) return fallback.rows(batch);
      return head + cells.map((row) => line(row, widths!)).join("");
    },
    tail: () => widths ? "" : begin([]),
  };
}
