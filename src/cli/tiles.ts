import { readTiles } from "../formats/tiles.ts";
import { valueType } from "./value_types.ts";

/** A server of background tiles. */
export const tiles = valueType(
  "URL",
  "osm, or http(s)://HOST/… with {z}, {x} and {y}",
  (text) => readTiles(text),
  { words: ["osm"] },
);
