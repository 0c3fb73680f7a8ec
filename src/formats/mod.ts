import { csv } from "./csv.ts";
import type { Open } from "./format.ts";
import { geojson } from "./geojson.ts";
import { json, ndjson } from "./json.ts";
import { table } from "./table.ts";
import { tsv } from "./tsv.ts";
import { vertical } from "./vertical.ts";

/** A format by its name. */
export interface FormatFacts {
  open: Open;
  /** Read on a terminal, hence short unless asked for more. */
  forPeople: boolean;
  /** Draws tracks: takes nothing but fixes, user by user. */
  forTracks: boolean;
}

/** Every value of `--format`. */
export const formats: Record<string, FormatFacts> = {
  table: { open: table, forPeople: true, forTracks: false },
  vertical: { open: vertical, forPeople: true, forTracks: false },
  csv: { open: csv, forPeople: false, forTracks: false },
  tsv: { open: tsv, forPeople: false, forTracks: false },
  json: { open: json, forPeople: false, forTracks: false },
  ndjson: { open: ndjson, forPeople: false, forTracks: false },
  geojson: { open: geojson, forPeople: false, forTracks: true },
};
