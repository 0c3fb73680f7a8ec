import { UsageError } from "../../errors.ts";
import { COLUMN_NAMES } from "../../formats/columns.ts";
import { type FormatName, FORMATS } from "../../formats/properties.ts";
import type { FlagSpecs, FlagValues, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import { tiles } from "../tiles.ts";
import { box, distance, place } from "../place_types.ts";
import { duration, unixTime, zone } from "../time_types.ts";
import { choice, listOf, rejectCodes, users, whole } from "../value_types.ts";

const formats = Object.keys(FORMATS) as FormatName[];

/** The flags of `routes query`. */
export const queryFlags = {
  users: {
    group: "Which rows",
    name: "user",
    short: "u",
    type: users,
    help: "of these users, such as 7 or 1,2,5-9",
    repeatable: true,
  },
  since: { type: unixTime, help: "at or after TIME" },
  until: { type: unixTime, help: "before TIME" },
  bbox: { type: box, help: "inside a box: west, south, east and north in degrees" },
  near: { type: place, help: "near a place in degrees; adds a column with the distance" },
  radiusM: {
    name: "radius",
    type: distance,
    help: "maximum distance from that place",
    default: "1km",
    needs: "near",
  },
  limit: {
    short: "n",
    type: whole(1, undefined, "--all"),
    help: "at most N rows, the first in the order; in tracks the newest N fixes",
    defaultHelp: "100 in tables for people, else all",
  },
  all: { help: "all rows, instead of 100", excludes: ["limit"] },
  order: {
    type: choice("BY", "time", "user", "distance"),
    help: "sort by time, user or distance, which goes with --near",
    defaultHelp: "time, newest first; --summary and tracks: user",
  },
  reverse: { help: "reverse the order; --limit then keeps the oldest rows" },

  last: {
    group: "Views",
    help:
      "the last fix of each user that the other filters keep: with --near the last one there, even if the user has left",
    excludes: ["summary", "total", "rejects"],
  },
  summary: {
    help:
      "per user: number of fixes, first and last time, distance and speed without pauses of --gap, box",
    excludes: ["total"],
  },
  total: {
    help: "only the number of rows",
    excludes: ["rejects", "limit", "all", "order", "reverse", "columns"],
  },
  rejects: {
    help: "records that consume rejected, where and why; with --summary: how many of each code",
  },
  codes: {
    name: "code",
    type: rejectCodes,
    help: "rejects of these codes, such as schema or json_syntax,utf8",
    repeatable: true,
    needs: "rejects",
  },

  format: {
    group: "Output",
    type: choice("FMT", ...formats),
    help: `${formats.join(", ")}; see routes help formats`,
    default: "table",
  },
  columns: {
    type: listOf(COLUMN_NAMES),
    help: "these columns, such as user_id,time, in this order; also partition and offset",
    repeatable: true,
  },
  header: { name: "no-header", help: "without the names of the columns", negated: true },
  time: {
    type: choice("FORM", "iso", "unix", "ms"),
    help: "format of times: iso, unix or ms",
    default: "iso",
  },
  tz: {
    type: zone,
    help: "time zone of times, also of --since and --until; gpx and kml always have UTC",
    default: "UTC",
  },
  userField: {
    type: choice("NAME", "userID", "userId"),
    help: "in ndjson: name of the user; userId for the original program",
  },
  gapMs: {
    name: "gap",
    type: duration,
    help: "in tracks and --summary: start a new segment after DUR without a fix",
    defaultHelp: "30m",
  },
  simplifyM: {
    name: "simplify",
    type: distance,
    help: "in tracks: leave out points that are closer than DIST to the line without them",
  },
  tiles: {
    type: tiles,
    help: "in html: a background, osm or a URL with {z}/{x}/{y}; its server learns what is viewed",
  },

  watchMs: {
    group: "Execution",
    name: "watch",
    type: duration,
    implied: "2s",
    help: "repeat the query every 2s, or at the interval given",
  },
  showSql: { help: "also print the statement, for psql" },
  timing: { help: "print how long it took" },
} satisfies FlagSpecs;

const VIEWS = ["last", "summary", "total", "rejects"] as const;
type View = typeof VIEWS[number];
type Shown = View | "points" | "codes";
type GivenOptions = OptionsOf<typeof queryFlags>;

/** The options of `routes query`; null: no such filter. */
export type QueryOptions = Omit<GivenOptions, View | "near" | "radiusM"> & {
  /** `codes`: how many rejects of each code. */
  what: Shown;
  near: { latitude: number; longitude: number; radiusM: number } | null;
};

/** Combines the flags that describe one thing, and checks those that depend on values. */
export function queryOptions(
  { last, summary, total, rejects, near, radiusM, ...options }: GivenOptions,
  values: FlagValues,
): QueryOptions {
  const { since, until, order, format } = options;
  if (since !== null && until !== null && since >= until) {
    throw new UsageError("--since is not before --until");
  }
  const isJson = values.has("json");
  if (isJson && values.has("format") && format !== "json") {
    throw new UsageError(`--json and --format ${format} exclude each other`);
  }
  if (!near && order === "distance") throw new UsageError("--order distance goes with --near");
  const views = { last, summary, total, rejects };
  return {
    ...options,
    what: rejects && summary ? "codes" : VIEWS.find((view) => views[view]) ?? "points",
    near: near && { latitude: near[0], longitude: near[1], radiusM },
    format: isJson ? "json" : format,
  };
}

/** `routes query`. */
export const query: Manual = {
  summary: "show the data",
  about: ["Show the data. Never writes."],
  usage: "routes query [FLAGS]",
  examples: [
    ["where user 7 was", "routes query --user 7 --since 2h"],
    [
      "who was near a place",
      "routes query --near 60.17,24.94 --radius 2km --format geojson > near.geojson",
    ],
    ["distance and speed of each user", "routes query --summary"],
    ["where each user was last, refreshed every two seconds", "routes query --last --watch"],
    ["the tracks of today, for a browser", "routes query --since today --format html > today.html"],
    ["what was rejected, and how often", "routes query --rejects --summary"],
  ],
  flags: queryFlags,
};
