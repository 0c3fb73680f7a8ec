import { queryFlags } from "../query_flags.ts";
import type { Manual } from "./manual.ts";

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
  ],
  flags: queryFlags,
};
