import type { Column } from "./format.ts";

const FIXES: Column[] = [
  { name: "user_id", kind: "integer" },
  { name: "time", kind: "time" },
  { name: "latitude", kind: "decimal", unit: "°" },
  { name: "longitude", kind: "decimal", unit: "°" },
];

/** Of fixes near a place. */
export const DISTANCE: Column[] = [{ name: "distance_m", kind: "decimal", digits: 1 }];

/** Of fixes, shown only when they are named. */
export const ORIGIN: Column[] = [
  { name: "partition", kind: "integer" },
  { name: "offset", kind: "integer" },
];

/** The columns of each result of `routes query`. */
export const COLUMNS = {
  points: FIXES,
  last: FIXES,
  total: [{ name: "total", kind: "integer" }],
  summary: [
    { name: "user_id", kind: "integer" },
    { name: "fixes", kind: "integer" },
    { name: "first", kind: "time" },
    { name: "last", kind: "time" },
    { name: "distance_km", kind: "decimal", digits: 3 },
    { name: "speed_kmh", kind: "decimal", digits: 1 },
    { name: "box", kind: "text", unit: "W,S,E,N" },
  ],
  rejects: [
    { name: "topic", kind: "text" },
    { name: "partition", kind: "integer" },
    { name: "offset", kind: "integer" },
    { name: "time", kind: "time" },
    { name: "code", kind: "text" },
    { name: "path", kind: "text" },
    { name: "message", kind: "text" },
    { name: "key", kind: "text" },
    { name: "headers", kind: "text" },
    { name: "value", kind: "text" },
  ],
  codes: [
    { name: "code", kind: "text" },
    { name: "rejects", kind: "integer" },
    { name: "first", kind: "time" },
    { name: "last", kind: "time" },
  ],
} satisfies Record<string, Column[]>;

/** Every name that `--columns` takes with some result. */
export const COLUMN_NAMES = [
  ...new Set([...FIXES, ...DISTANCE, ...ORIGIN, ...Object.values(COLUMNS).flat()]
    .map(({ name }) => name)),
];
