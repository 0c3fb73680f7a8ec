import type { FlagSpecs, FlagValues, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import {
  choice,
  distance,
  duration,
  percent,
  place,
  positive,
  recordTimeMs,
  whole,
} from "../value_types.ts";

/** The flags of `routes produce`. */
export const produceFlags = {
  count: {
    group: "How much",
    short: "n",
    type: whole(0),
    help: "how many; 0: until stopped",
    default: "1000",
  },
  durationMs: { name: "duration", type: duration, help: "for how long" },
  ratePerSecond: { name: "rate", type: positive(), help: "records a second, evenly spread" },

  users: {
    group: "Records",
    type: whole(1, 2_147_483_647),
    help: "userID 1 to N",
    default: "100",
  },
  model: {
    type: choice("MODEL", "walk", "uniform"),
    help: "walk: drives through a town; uniform: random points",
    default: "walk",
  },
  center: {
    type: place,
    help: "tracks stay around it",
    default: "60.1699,24.9384",
    excludes: ["model uniform"],
  },
  radiusM: {
    name: "radius",
    type: distance,
    help: "and as near as this",
    default: "25km",
    excludes: ["model uniform"],
  },
  speedKmh: {
    name: "speed",
    type: { ...positive(1000), placeholder: "KMH" },
    help: "mean speed",
    default: "40",
    excludes: ["model uniform"],
  },
  intervalMs: {
    name: "interval",
    type: duration,
    help: "between two fixes of a user",
    default: "5s",
  },
  startMs: {
    name: "start",
    type: recordTimeMs,
    help: "time of the first fix; by default the last one is about now",
  },
  seed: { type: whole(0), help: "the same seed, start and flags make the same bytes" },
  invalidPercent: {
    name: "invalid",
    type: percent,
    help: "share of deliberately bad records",
    default: "0",
  },

  stdin: {
    group: "In and out",
    help: "send NDJSON read from stdin; a bad line ends with 65",
    // The flags about generated records.
    excludes: [
      "count",
      "duration",
      "users",
      "model",
      "interval",
      "start",
      "seed",
      "invalid",
      "center",
      "radius",
      "speed",
    ],
  },
  strict: {
    help: "with --stdin: keys that are unknown or given twice make a line bad",
    needs: "stdin",
  },
  dryRun: { help: "print NDJSON on stdout, send nothing", excludes: ["tee"] },
  tee: { help: "print what was acknowledged" },

  key: {
    group: "Sending",
    type: choice("KEY", "user", "none"),
    help: "user: a user's order is kept; none: round robin",
    default: "user",
  },
  acks: {
    type: choice("ACKS", "all", "1"),
    help: "all, or 1: the leader's word is enough",
    default: "all",
  },
  compression: { type: choice("CODEC", "gzip", "none"), help: "gzip or none", default: "gzip" },
  batchSize: { type: whole(1, 10_000), help: "most records in one send", default: "1000" },
} satisfies FlagSpecs;

type GivenOptions = OptionsOf<typeof produceFlags>;

/** The options of `routes produce`; count null: until stopped; seed null: a random one. */
export type ProduceOptions = Omit<GivenOptions, "count"> & { count: number | null };

/** A duration without a count means as many records as it takes. */
export function produceOptions(options: GivenOptions, values: FlagValues): ProduceOptions {
  const isUnlimited = options.count === 0 || (values.has("duration") && !values.has("count"));
  return { ...options, count: isUnlimited ? null : options.count };
}

/** `routes produce`. */
export const produce: Manual = {
  summary: "make records and send them",
  about: [
    "Make records of users who drive through a town, and send them to the topic.",
    "The same seed, start and flags make the same bytes on every machine.",
  ],
  usage: "routes produce [FLAGS]",
  examples: [
    ["a thousand records, the same every time", "routes produce --count 1000 --seed 42"],
    [
      "20 a second for ten minutes, 2 % of them bad",
      "routes produce --rate 20 --duration 10m --invalid 2",
    ],
    ["stored records once more", "routes query --format ndjson | routes produce --stdin"],
  ],
  flags: produceFlags,
};
