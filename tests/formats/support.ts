import type { Cell, Column, Open, RenderOptions } from "../../src/formats/format.ts";

/** The columns of a query for fixes. */
export const fixColumns: Column[] = [
  { name: "user", kind: "integer" },
  { name: "time", kind: "time" },
  { name: "latitude", kind: "decimal" },
  { name: "longitude", kind: "decimal" },
];

/** Formats a result that consists of these batches. */
export function render(
  open: Open,
  options: Partial<RenderOptions>,
  ...batches: Cell[][][]
): string {
  const format = open({
    columns: fixColumns,
    header: true,
    time: "iso",
    tz: "UTC",
    gapS: 1800,
    simplifyM: null,
    extent: null,
    unicode: false,
    width: null,
    color: false,
    ...options,
  });
  return format.head + batches.map((batch) => format.rows(batch)).join("") + format.tail();
}

/** Joins lines, each with a line end. */
export function lines(...texts: string[]): string {
  return texts.map((text) => text + "\n").join("");
}
