import { formats } from "../../src/formats/mod.ts";
import type { RenderOptions } from "../../src/formats/format.ts";

// Each iteration does one batch: divide by ROWS for the cost per row.
const ROWS = 5000;

const options: RenderOptions = {
  columns: [
    { name: "user", kind: "integer" },
    { name: "time", kind: "time" },
    { name: "latitude", kind: "decimal", digits: 7 },
    { name: "longitude", kind: "decimal", digits: 7 },
  ],
  header: true,
  time: "iso",
  tz: "UTC",
  gapS: 600,
  simplifyM: null,
  tiles: null,
  extent: null,
  ascii: false,
  unicode: true,
  width: 100,
  height: null,
  color: false,
};
const batch = Array.from({ length: ROWS }, (_, i) => {
  return [i % 100 + 1, 1732431234.567 + i, 60.1699123 + i / 1e6, 24.9384567 + i / 1e6];
});

for (const name of ["csv", "tsv", "json", "ndjson", "geojson"]) {
  Deno.bench(`${name} of ${ROWS} rows`, { group: "formats" }, () => {
    const format = formats[name]!.open(options);
    format.rows(batch);
    format.tail();
  });
}
