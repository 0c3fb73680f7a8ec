import { box, choice, distance, duration, list, place, time, users, whole } from "../flags.ts";
import { type FormatName, FORMATS } from "../formats/facts.ts";
import type { Manual } from "./manual.ts";

const formats = Object.keys(FORMATS) as FormatName[];

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
  flags: [
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
      help: `${formats.join(", ")}; see routes help formats`,
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
    {
      name: "gap",
      kind: duration,
      value: "DUR",
      help: "of tracks: a new segment after so long without a fix",
      fallback: "30m, of tracks",
    },
    {
      name: "simplify",
      kind: distance,
      value: "DIST",
      help: "of tracks: leave out what is nearer than this to the line without it",
    },
    {
      group: "How it is asked",
      name: "watch",
      kind: duration,
      value: "DUR",
      implied: "2s",
      help: "look again and again, every 2s or as often as said",
    },
    { name: "show-sql", help: "the statement too, for psql" },
    { name: "timing", help: "how long it took" },
  ],
};
