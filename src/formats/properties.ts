/** The properties of a format that the commands need. */
export interface FormatProperties {
  /** For people at a terminal: has a default limit, and allows --watch. */
  forPeople: boolean;
  /** Draws tracks: accepts only fixes, ordered by user. */
  forTracks: boolean;
  /** Needs the extent of the data before the first fix. */
  needsExtent: boolean;
  /** A drawing for a browser or viewer, of which a terminal shows only the markup. */
  forViewer: boolean;
  /** Formats times according to `--time`. */
  hasTime: boolean;
  /** Has names of columns that `--no-header` leaves out. */
  hasHeader: boolean;
  help: string;
}

const FOR_PEOPLE = {
  forPeople: true,
  forTracks: false,
  needsExtent: false,
  forViewer: false,
  hasTime: true,
  hasHeader: true,
};
const ROWS = { ...FOR_PEOPLE, forPeople: false };
const OBJECTS = { ...ROWS, hasHeader: false };
const TRACKS = { ...OBJECTS, forTracks: true };
const XML = { ...TRACKS, hasTime: false };

/** Every value of `--format`, in the order of the help. */
export const FORMATS = {
  table: { ...FOR_PEOPLE, help: "aligned columns; vertical if they are too wide" },
  vertical: { ...FOR_PEOPLE, help: "one line per value" },
  markdown: { ...FOR_PEOPLE, hasHeader: false, help: "a table for issues, wikis and README files" },
  csv: { ...ROWS, help: "RFC 4180, with a header" },
  tsv: { ...ROWS, help: "tab-separated, with the escapes of PostgreSQL's COPY" },
  json: { ...OBJECTS, help: "one array of objects" },
  ndjson: { ...OBJECTS, help: "one object per line; fixes in the form of the topic's records" },
  geojson: { ...TRACKS, help: "RFC 7946: lines with a time for each position" },
  geojsonseq: { ...TRACKS, help: "RFC 8142: the same as a sequence of features" },
  gpx: { ...XML, help: "GPX 1.1: one track per user, with times" },
  kml: { ...XML, help: "for Google Earth: gx:Track, with times" },
  svg: {
    ...XML,
    forViewer: true,
    needsExtent: true,
    help: "a drawing with graticule, scale and legend",
  },
  html: { ...XML, forViewer: true, help: "one offline page: pan, zoom, details under the pointer" },
  map: { ...XML, forPeople: true, needsExtent: true, help: "a picture in the terminal" },
} satisfies Record<string, FormatProperties>;

/** A value of `--format`. */
export type FormatName = keyof typeof FORMATS;
