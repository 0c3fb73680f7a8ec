import type { FlagSpecs, FlagValues, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import { distance, place } from "../place_types.ts";
import { duration, recordTimeMs } from "../time_types.ts";
import { choice, percent, positive, whole } from "../value_types.ts";

/** The flags of `routes produce`. */
export const produceFlags = {
  count: {
    group: "How much",
    short: "n",
    type: whole(0),
    help: "number of records; 0: until stopped",
    default: "1000",
  },
  durationMs: {
    name: "duration",
    type: duration,
    help: "how long to send; without --count, any number of records",
  },
  ratePerSecond: { name: "rate", type: positive(), help: "records per second, evenly spread" },

  users: {
    group: "Records",
    type: whole(1, 2_147_483_647),
    help: "number of users: userID 1 to N",
    default: "100",
  },
  model: {
    type: choice("MODEL", "traffic", "uniform"),
    help: "traffic: drives through a town; uniform: random points",
    default: "traffic",
  },
  center: {
    type: place,
    help: "center of the area of all tracks",
    default: "60.1699,24.9384",
    excludes: ["model uniform"],
  },
  radiusM: {
    name: "radius",
    type: distance,
    help: "radius of that area",
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
    help:
      "time between two records of a user; default: 5s, or with --rate and no end, as time passes",
  },
  startMs: {
    name: "start",
    type: recordTimeMs,
    help: "time of the first record; by default, the last one is about now",
  },
  seed: {
    type: whole(0),
    help: "the same seed, start and flags give the same bytes",
    default: "1",
  },
  invalidPercent: {
    name: "invalid",
    type: percent,
    help: "percentage of invalid records: for every reject code, and without a value",
    default: "0",
  },

  userField: {
    type: choice("NAME", "userID", "userId"),
    help: "name of the user in the JSON; userId for the original program",
    default: "userID",
  },

  stdin: {
    group: "Input and output",
    help: "send the records on stdin, one in each line (NDJSON), and end at an invalid one",
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
      "user-field",
    ],
  },
  strict: {
    help: "with --stdin: a line with unknown or duplicate keys is invalid",
    needs: "stdin",
  },
  skipBad: {
    help: "with --stdin: pass over invalid lines; at the end, exit with 65 if there was one",
    needs: "stdin",
  },
  dryRun: { help: "print the records on stdout, send nothing", excludes: ["tee"] },
  tee: { help: "also print on stdout each record that Kafka has acknowledged" },

  key: {
    group: "Sending",
    type: choice("KEY", "user", "none"),
    help: "user: keeps the order of a user's records; none: round robin",
    default: "user",
  },
  acks: {
    type: choice("ACKS", "all", "1"),
    help: "all, or 1: only the leader acknowledges",
    default: "all",
  },
  compression: { type: choice("CODEC", "gzip", "none"), help: "gzip or none", default: "gzip" },
  batchSize: {
    type: whole(1, 10_000),
    help: "maximum number of records in one send",
    default: "10000",
  },
} satisfies FlagSpecs;

type GivenOptions = OptionsOf<typeof produceFlags>;

/** The options of `routes produce`; count null: until stopped. */
export type ProduceOptions = Omit<GivenOptions, "count"> & { count: number | null };

/** A duration without a count means as many records as it takes. */
export function produceOptions(options: GivenOptions, values: FlagValues): ProduceOptions {
  const isUnlimited = options.count === 0 || (values.has("duration") && !values.has("count"));
  return { ...options, count: isUnlimited ? null : options.count };
}

/** `routes produce`. */
export const produce: Manual = {
  summary: "generate records and send them",
  about: [
    "Generate records of users who drive through a town, and send them to the topic.",
    'A record is a JSON object: who, when in seconds since 1970, and where as latitude and longitude, such as {"userID":7,"timestamp":1732431234.5,"coordinates":[60.17,24.94]}',
    "The same seed, start and flags give the same bytes on every machine. Where a user is depends on the seed and the time alone, so two runs agree wherever they overlap.",
  ],
  usage: "routes produce [FLAGS]",
  examples: [
    ["a thousand records, the same every time", "routes produce --count 1000 --seed 42"],
    [
      "20 per second for ten minutes, 2 % of them invalid",
      "routes produce --rate 20 --duration 10m --invalid 2",
    ],
    ["stored records again", "routes query --format ndjson | routes produce --stdin"],
  ],
  flags: produceFlags,
};
