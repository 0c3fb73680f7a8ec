import { box, choice, distance, type Flag, list, place, time, users, whole } from "./flags.ts";

const formats = ["table", "vertical", "csv", "tsv", "json", "ndjson", "geojson"] as const;

/** The flags of `routes query`. */
export const queryFlags: Flag[] = [
  {
    group: "Which rows",
    name: "user",
    short: "u",
    kind: users,
    value: "LIST",
    help: "7 or 1,2,5-9",
    repeatable: true,
  },
  { name: "since", kind: time, value: "TIME", help: "not before" },
  { name: "until", kind: time, value: "TIME", help: "before" },
  { name: "bbox", kind: box, value: "W,S,E,N", help: "inside a box of degrees" },
  { name: "near", kind: place, value: "LAT,LON", help: "around a place; adds the distance" },
  { name: "radius", kind: distance, value: "DIST", help: "how far around it", fallback: "1km" },
  {
    name: "limit",
    short: "n",
    kind: whole(1),
    value: "N",
    help: "most rows",
    fallback: "100 for people, all for files",
  },
  { name: "all", help: "all rows" },
  {
    name: "order",
    kind: choice("time", "user", "distance"),
    value: "BY",
    help: "time, user or distance",
    fallback: "time, newest first",
  },
  { name: "reverse", help: "the other way round" },
  { group: "What of them", name: "last", help: "the last fix of each user" },
  { name: "summary", help: "per user: fixes, first, last, km, km/h, box" },
  { name: "total", help: "the number of rows" },
  { name: "rejects", help: "what was rejected, where and why" },
  {
    group: "How it looks",
    name: "format",
    kind: choice(...formats),
    value: "FMT",
    help: formats.join(", "),
    fallback: "table",
  },
  {
    name: "columns",
    kind: list,
    value: "LIST",
    help: "which, in this order",
    repeatable: true,
  },
  { name: "no-header", help: "without the names of the columns" },
  {
    name: "time",
    kind: choice("iso", "unix", "ms"),
    value: "FORM",
    help: "iso, unix or ms",
    fallback: "iso",
  },
];
