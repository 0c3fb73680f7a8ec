import { jsonOf } from "./cell.ts";
import type { Cell, Format, RenderOptions } from "./format.ts";

/** One array of objects, a line each. */
export function json(look: RenderOptions): Format {
  const object = objectOf(look);
  let any = false;
  return {
    head: "[",
    rows: (batch) => {
      let text = "";
      for (const row of batch) {
        text += (any ? ",\n" : "\n") + object(row);
        any = true;
      }
      return text;
    },
    tail: () => any ? "\n]\n" : "]\n",
  };
}

/** An object a line. */
export function ndjson(look: RenderOptions): Format {
  const object = objectOf(look);
  return {
    head: "",
    rows: (batch) => batch.map((row) => object(row) + "\n").join(""),
    tail: () => "",
  };
}

function objectOf({ columns, time }: RenderOptions): (row: Cell[]) => string {
  const fields = columns.map((column) => jsonOf(column, time));
  const keys = columns.map(({ name }, i) => `${i > 0 ? "," : "{"}${JSON.stringify(name)}:`);
  return (row) => {
    let text = "";
    for (let i = 0; i < fields.length; i++) text += keys[i]! + fields[i]!(row[i]!);
    return text + "}";
  };
}
