import { textOf } from "./cell.ts";
import type { Format, RenderOptions } from "./format.ts";

const ESCAPES: Record<string, string> = { "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" };

/** Tab-separated (IANA), with tabs, line ends and backslashes escaped as PostgreSQL's COPY does. Null is an empty field. */
export function tsv({ columns, header, ...form }: RenderOptions): Format {
  const texts = columns.map((column) => textOf(column, form));
  return {
    head: header ? columns.map(({ name }) => name).join("\t") + "\n" : "",
    rows: (batch) =>
      batch.map((row) => row.map((cell, i) => escape(texts[i]!(cell))).join("\t") + "\n").join(""),
    tail: () => "",
  };
}

function escape(text: string): string {
  return text.replace(/[\t\n\r\\]/g, (char) => ESCAPES[char]!);
}
