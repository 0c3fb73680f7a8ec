import { edges, type Extent } from "../../src/record/geo.ts";
import type { Cell, Column, Format, Open, RenderOptions } from "../../src/formats/format.ts";

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
    tiles: null,
    extent: null,
    unicode: false,
    ascii: false,
    width: null,
    height: null,
    color: false,
    ...options,
  });
  return format.head + batches.map((batch) => format.rows(batch)).join("") + format.tail();
}

/** Joins lines, each with a line end. */
export function lines(...texts: string[]): string {
  return texts.map((text) => text + "\n").join("");
}

/** The extent of rows of user, time, latitude and longitude. */
export function extentOf(rows: number[][]): Extent | null {
  if (rows.length === 0) return null;
  const [, times, latitudes, longitudes] = [0, 1, 2, 3].map((i) => rows.map((row) => row[i]!)) as [
    number[],
    number[],
    number[],
    number[],
  ];
  const eastern = longitudes.filter((longitude) => longitude >= 0);
  const western = longitudes.filter((longitude) => longitude < 0);
  const [west, east] = edges({
    min: Math.min(...longitudes),
    max: Math.max(...longitudes),
    minEastern: eastern.length > 0 ? Math.min(...eastern) : null,
    maxWestern: western.length > 0 ? Math.max(...western) : null,
  });
  const [south, north] = [Math.min(...latitudes), Math.max(...latitudes)];
  return {
    fixes: rows.length,
    users: new Set(rows.map(([user]) => user)).size,
    first: Math.min(...times),
    last: Math.max(...times),
    box: { west, south, east, north },
  };
}

/** A picture of such rows. */
export function picture(
  open: (options: RenderOptions) => Format,
  options: Partial<RenderOptions>,
  rows: number[][],
): string {
  return render(open, { extent: extentOf(rows), unicode: true, ...options }, rows);
}
