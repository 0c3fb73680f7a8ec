import { UsageError } from "../../errors.ts";
import { type FormatName, FORMATS } from "../../formats/properties.ts";
import type { FlagSpecs, FlagValues, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import {
  box,
  choice,
  distance,
  duration,
  list,
  place,
  unixTime,
  users,
  whole,
} from "../value_types.ts";

const formats = Object.keys(FORMATS) as FormatName[];

/** The flags of `routes query`. */
export const queryFlags = {
  users: {
    group: "Which rows",
    name: "user",
    short: "u",
    type: users,
    help: "7 or 1,2,5-9",
    repeatable: true,
  },
  since: { type: unixTime, help: "not before" },
  until: { type: unixTime, help: "before" },
  bbox: { type: box, help: "inside a box of degrees" },
  near: { type: place, help: "around a place; adds the distance" },
  radiusM: {
    name: "radius",
    type: distance,
    help: "how far around it",
    default: "1km",
    needs: "near",
  },
  limit: {
    short: "n",
    type: whole(1),
    help: "most rows",
    defaultHelp: "100 for people, all for files",
  },
  all: { help: "all rows", excludes: ["limit"] },
  order: {
    type: choice("BY", "time", "user", "distance"),
    help: "time, user or distance",
    defaultHelp: "time, newest first",
  },
  reverse: { help: "the other way round" },

  last: {
    group: "What of them",
    help: "the last fix of each user",
    excludes: ["summary", "total", "rejects"],
  },
  summary: {
    help: "per user: fixes, first, last, km, km/h, box",
    excludes: ["total", "rejects"],
  },
  total: {
    help: "the number of rows",
    excludes: ["rejects", "limit", "all", "order", "reverse", "columns"],
  },
  rejects: { help: "what was rejected, where and why" },

  format: {
    group: "How it looks",
    type: choice("FMT", ...formats),
    help: `${formats.join(", ")}; see routes help formats`,
    default: "table",
  },
  columns: { type: list, help: "which, in this order", repeatable: true },
  header: { name: "no-header", help: "without the names of the columns", negated: true },
  time: { type: choice("FORM", "iso", "unix", "ms"), help: "iso, unix or ms", default: "iso" },
  gapMs: {
    name: "gap",
    type: duration,
    help: "of tracks: a new segment after so long without a fix",
    defaultHelp: "30m, of tracks",
  },
  simplifyM: {
    name: "simplify",
    type: distance,
    help: "of tracks: leave out what is nearer than this to the line without it",
  },

  watchMs: {
    group: "How it is asked",
    name: "watch",
    type: duration,
    implied: "2s",
    help: "repeat the query every 2s, or at the interval given",
  },
  showSql: { help: "the statement too, for psql" },
  timing: { help: "how long it took" },
} satisfies FlagSpecs;

const VIEWS = ["last", "summary", "total", "rejects"] as const;
type View = typeof VIEWS[number];
type GivenOptions = OptionsOf<typeof queryFlags>;

/** The options of `routes query`; null: no such filter. */
export type QueryOptions = Omit<GivenOptions, View | "near" | "radiusM"> & {
  what: View | "points";
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
    what: VIEWS.find((view) => views[view]) ?? "points",
    near: near && { latitude: near[0], longitude: near[1], radiusM },
    format: isJson ? "json" : format,
  };
}

/** `routes query`. */
export const query: Manual = {
  summary: "look at the data",
  about: ["Look at the data. Never writes."],
  usage: "routes query [FLAGS]",
  examples: [
    ["where user 7 was", "routes query --user 7 --since 2h"],
    [
      "who was near",
      "routes query --near 60.17,24.94 --radius 2km --format geojson > near.geojson",
    ],
    ["distance and speed of each user", "routes query --summary"],
    ["where everybody is, again and again", "routes query --last --watch"],
  ],
  flags: queryFlags,
};
