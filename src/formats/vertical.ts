import { textOf } from "./cell.ts";
import type { Cell, Column, Format, RenderOptions } from "./format.ts";
import { terminalText, widthOf } from "./terminal_text.ts";

const TEXT_MAX = 1_000;
const RULE_MAX = 80;

/** One line per value, as `psql` with \x. */
export function vertical(options: RenderOptions): Format {
  const { columns, header, unicode, width, color } = options;
  const texts = columns.map((column) => peopleText(column, options, TEXT_MAX));
  const heads = columns.map((column) => headOf(column, options));
  const nameWidth = Math.max(...heads.map((head) => head.length));
  const names = heads.map((head) => bold(head, color) + " ".repeat(nameWidth - head.length));
  const [dash, cross, bar] = unicode ? ["─", "┼", "│"] : ["-", "+", "|"];
  let count = 0;
  return {
    head: "",
    rows: (batch) => {
      const cells = batch.map((row) => row.map((cell, i) => texts[i]!(cell)));
      const longest = cells.flat().reduce((most, text) => Math.max(most, widthOf(text)), 0);
      const ruleWidth = Math.min(nameWidth + 3 + longest, width ?? RULE_MAX);
      return cells.map((row) => {
        const title = `${dash}[ RECORD ${++count} ]`.padEnd(nameWidth + 1, dash);
        const rule = title.length === nameWidth + 1 ? title + cross : title;
        const above = header ? rule.padEnd(ruleWidth, dash) + "\n" : count > 1 ? "\n" : "";
        return above + row.map((text, i) => `${names[i]} ${bar} ${text}`.trimEnd() + "\n").join("");
      }).join("");
    },
    tail: () => "",
  };
}

/** Formats a cell for people: derived numbers rounded, control characters in text escaped. */
export function peopleText(
  column: Column,
  form: Pick<RenderOptions, "time" | "tz" | "ascii">,
  textMax: number,
): (cell: Cell) => string {
  if (column.kind === "text") {
    const ending = form.ascii ? "..." : "…";
    return (cell) => cell === null ? "" : terminalText(String(cell), textMax, ending);
  }
  const { digits } = column;
  if (digits === undefined) return textOf(column, form);
  return (cell) => cell === null ? "" : (cell as number).toFixed(digits);
}

/** The name of a column with its unit, for people. */
export function headOf(
  { name, kind, unit }: Column,
  { time, ascii }: Pick<RenderOptions, "time" | "ascii">,
): string {
  if (kind === "time" && time !== "iso") return `${name} (${time === "ms" ? "ms" : "s"})`;
  if (!unit) return name;
  return `${name} (${unit === "°" && ascii ? "deg" : unit})`;
}

/** Bold text on a terminal with colours. */
export function bold(text: string, color: boolean): string {
  return color ? `\x1b[1m${text}\x1b[22m` : text;
}
