/** The properties of a format that the commands need. */
export interface FormatFacts {
  /** For people at a terminal: a default limit applies, and --watch is allowed. */
  forPeople: boolean;
  /** Draws tracks: accepts only fixes, ordered by user. */
  forTracks: boolean;
  /** Needs the extent of the data before the first fix. */
  needsExtent: boolean;
  /** Formats times according to `--time`. */
  hasTime: boolean;
  help: string;
}

const FOR_PEOPLE = { forPeople: true, forTracks: false, needsExtent: false, hasTime: true };
const ROWS = { ...FOR_PEOPLE, forPeople: false };
const TRACKS = { ...ROWS, forTracks: true };
const XML = { ...TRACKS, hasTime: false };

/** Every value of `--format`, in the order of the help. */
export const FORMATS = {
  table: { ...FOR_PEOPLE, help: "aligned columns; vertical where they are too wide" },
  vertical: { ...FOR_PEOPLE, help: "a line a value" },
  markdown: { ...FOR_PEOPLE, help: "a table for issues, wikis and README files" },
  csv: { ...ROWS, help: "RFC 4180, with a header" },
  tsv: { ...ROWS, help: "tabs between, escapes as COPY of PostgreSQL has them" },
  json: { ...ROWS, help: "one array of objects" },
  ndjson: { ...ROWS, help: "an object a line; fixes as the records of the topic" },
  geojson: { ...TRACKS, help: "RFC 7946: lines with a time for each position" },
  geojsonseq: { ...TRACKS, help: "RFC 8142: the same, each feature a text of its own" },
  gpx: { ...XML, help: "GPX 1.1: a track a user, with times" },
  kml: { ...XML, help: "for Google Earth: gx:Track, with times" },
  svg: { ...XML, needsExtent: true, help: "a drawing with graticule, scale and legend" },
  html: { ...XML, help: "one offline page: pan, zoom, and what is under the pointer" },
  map: { ...XML, forPeople: true, needsExtent: true, help: "a picture in the terminal" },
} satisfies Record<string, FormatFacts>;

/** A value of `--format`. */
export type FormatName = keyof typeof FORMATS;
