import { csv } from "./csv.ts";
import { type FormatName, type FormatProperties, FORMATS } from "./properties.ts";
import type { Open } from "./format.ts";
import { geojson, geojsonseq } from "./geojson.ts";
import { gpx } from "./gpx.ts";
import { html } from "./html.ts";
import { json, ndjson } from "./json.ts";
import { kml } from "./kml.ts";
import { map } from "./map.ts";
import { markdown } from "./markdown.ts";
import { svg } from "./svg.ts";
import { table } from "./table.ts";
import { tsv } from "./tsv.ts";
import { vertical } from "./vertical.ts";

const openers: Record<FormatName, Open> = {
  table,
  vertical,
  markdown,
  csv,
  tsv,
  json,
  ndjson,
  geojson,
  geojsonseq,
  gpx,
  kml,
  svg,
  html,
  map,
};

/** Every value of `--format`. */
export const formats: Record<string, FormatProperties & { open: Open }> = Object.fromEntries(
  Object.entries(openers).map(([name, open]) => [name, { ...FORMATS[name as FormatName], open }]),
);
