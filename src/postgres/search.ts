import type { Box } from "../record/geo.ts";

/** Which rows to find; times in seconds since 1970, coordinates in degrees. */
export interface Search {
  what: "points" | "last" | "summary" | "rejects" | "codes";
  /** Inclusive ranges; null: all. */
  users: [from: number, to: number][] | null;
  /** Of rejects; null: all. */
  codes: string[] | null;
  /** Whether fixes have their partition and offset too. */
  withOrigin: boolean;
  /** Whether there is an index on places: a search in a box reads only the cells that the box touches. */
  usesPlaceIndex: boolean;
  /** In a summary: after this long without a fix, the way to the next one does not count. */
  gapS: number;
  /** Half-open interval [since, until). */
  since: number | null;
  until: number | null;
  bbox: Box | null;
  near: { latitude: number; longitude: number; radiusM: number } | null;
  /** `tracks`: by user, the oldest fix first; a limit keeps the newest fixes of all users. */
  order: "time" | "user" | "distance" | "tracks";
  reverse: boolean;
  /** Maximum number of rows; null: all. */
  limit: number | null;
}

/** Every fix, newest first. */
export const EVERYTHING: Search = {
  what: "points",
  users: null,
  codes: null,
  withOrigin: false,
  usesPlaceIndex: false,
  gapS: Infinity,
  since: null,
  until: null,
  bbox: null,
  near: null,
  order: "time",
  reverse: false,
  limit: null,
};
