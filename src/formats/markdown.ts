import type { Format, RenderOptions } from "./format.ts";
import { widthOf } from "./terminal_text.ts";
import { headOf, peopleText } from "./vertical.ts";

const TEXT_MAX = 120;

/** A table of GitHub Flavored Markdown. The first batch determines the widths, so that the source is readable too. */
export function markdown(options: RenderOptions): Format {
  const { columns, time } = options;
  const texts = columns.map((column) => peopleText(column, options, TEXT_MAX));
  const names = columns.map((column) => headOf(column, options));
  const isLeft = columns.map(({ kind }) => kind === "text" || (kind === "time" && time === "iso"));
  let widths: number[] | null = null;

  function line(cells: string[]): string {
    const padded = cells.map((text, i) => {
      const padding = " ".repeat(Math.max(0, widths![i]! - widthOf(text)));
      return isLeft[i] ? text + padding : padding + text;
    });
    return `| ${padded.join(" | ")} |\n`;
  }

  function top(rows: string[][]): string {
    if (widths) return "";
    widths = names.map((name, i) =>
      rows.reduce((most, row) => Math.max(most, widthOf(row[i]!)), Math.max(3, name.length))
    );
    const rule = widths.map((width, i) => "-".repeat(width - 1) + (isLeft[i] ? "-" : ":"));
    return line(names) + line(rule);
  }

  return {
    head: "",
    rows: (batch) => {
      const rows = batch.map((row) =>
        row.map((cell, i) => columns[i]!.kind === "text" ? plain(texts[i]!(cell)) : texts[i]!(cell))
      );
      return top(rows) + rows.map(line).join("");
    },
    tail: () => top([]),
  };
}

/** Escapes the special characters of Markdown in stored text. */
function plain(text: string): string {
  return text.replace(/[\\`*_{}[\]<>()#|~&!$@]/g, "\\$&");
}
