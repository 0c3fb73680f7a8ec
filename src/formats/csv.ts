import { textOf } from "./cell.ts";
import type { Format, RenderOptions } from "./format.ts";

/**
 * RFC 4180, except that lines end with LF, as in `psql` and most tools. Null is an empty field, empty text is "".
 */
export function csv({ columns, header, ...form }: RenderOptions): Format {
  const texts = columns.map((column) => {
    const text = textOf(column, form);
    return column.kind === "text" ? (cell: Parameters<typeof text>[0]) => quote(cell) : text;
  });
  return {
    head: header ? columns.map(({ name }) => name).join(",") + "\n" : "",
    rows: (batch) => {
      let text = "";
      for (const row of batch) {
        for (let i = 0; i < texts.length; i++) text += (i > 0 ? "," : "") + texts[i]!(row[i]!);
        text += "\n";
      }
      return text;
    },
    tail: () => "",
  };
}

function quote(cell: string | number | null): string {
  if (cell === null) return "";
  const text = String(cell);
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
