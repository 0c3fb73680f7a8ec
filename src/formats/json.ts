import { jsonOf } from "./cell.ts";
import type { Cell, Format, RenderOptions } from "./format.ts";

/** One array of objects, one per line. */
export function json(options: RenderOptions): Format {
  const object = objectOf(options);
  let isFirst = true;
  return {
    head: "[",
    rows: (batch) => {
      let text = "";
      for (const row of batch) {
        text += (isFirst ? "\n" : ",\n") + object(row);
        isFirst = false;
      }
      return text;
    },
    tail: () => isFirst ? "]\n" : "\n]\n",
  };
}

/** One object per line. */
export function ndjson(options: RenderOptions): Format {
  const object = objectOf(options);
  return {
    head: "",
    rows: (batch) => batch.map((row) => object(row) + "\n").join(""),
    tail: () => "",
  };
}

function objectOf({ columns, ...form }: RenderOptions): (row: Cell[]) => string {
  const fields = columns.map((column) => jsonOf(column, form));
  const keys = columns.map(({ name }, i) => `${i > 0 ? "," : "{"}${JSON.stringify(name)}:`);
  return (row) => {
    let text = "";
    for (let i = 0; i < fields.length; i++) text += keys[i]! + fields[i]!(row[i]!);
    return text + "}";
  };
}
