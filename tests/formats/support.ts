import type { Cell, Column, Open, RenderOptions } from "../../src/formats/format.ts";

/** Columns as a query for points has them. */
export const fixColumns: Column[] = [
  { name: "user", kind: "integer" },
  { name: "time", kind: "time" },
  { name: "latitude", kind: "decimal" },
  { name: "longitude", kind: "decimal" },
];

/** The whole text of a result that comes in these batches. */
export function render(open: Open, look: Partial<RenderOptions>, ...batches: Cell[][][]): string {
  const format = open({
    columns: fixColumns,
    header: true,
    time: "iso",
    gapS: 1800,
    simplifyM: null,
    extent: null,
    unicode: false,
    width: null,
    color: false,
    ...look,
  });
  return format.head + batches.map((batch) => format.rows(batch)).join("") + format.tail();
}

/** Lines, each with its end. */
export function lines(...texts: string[]): string {
  return texts.map((text) => text + "\n").join("");
}
