import type { FlagSpecs, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import { duration } from "../time_types.ts";
import { choice, whole } from "../value_types.ts";

/** The flags of `routes migrate`. */
export const migrateFlags = {
  status: {
    group: "Without changes",
    help: "list applied and pending migrations; exits with 0 if none is pending",
    excludes: ["dry-run", "create-database", "topic", "index", "drop-index"],
  },
  dryRun: {
    help: "print the exact SQL, change nothing",
    excludes: ["create-database", "topic", "index", "drop-index"],
  },

  createDatabase: {
    group: "Database and topic",
    help: "also create the database, if it does not exist",
  },
  topic: { help: "also create the topic, if it does not exist" },
  partitions: {
    type: whole(1, 100_000),
    help: "number of partitions of a new topic",
    default: "3",
    needs: "topic",
  },
  replication: {
    type: whole(1, 100),
    help: "replication factor of a new topic",
    defaultHelp: "the broker's",
    needs: "topic",
  },

  index: {
    group: "Indexes",
    type: choice("NAME", "place"),
    help: "place: build the index for --near and --bbox of query, without blocking writers",
    excludes: ["drop-index"],
  },
  dropIndex: { type: choice("NAME", "place"), help: "place: remove that index" },

  lockTimeoutMs: {
    name: "lock-timeout",
    group: "Waiting",
    type: duration,
    help: "how long to wait for another migrate",
    default: "10s",
  },
} satisfies FlagSpecs;

/** The options of `routes migrate`. */
export type MigrateOptions = OptionsOf<typeof migrateFlags>;

/** `routes migrate`. */
export const migrate: Manual = {
  summary: "create the tables; with flags, also the database and the topic",
  about: [
    "Create the tables, or bring them up to date. With flags, also create the database and the topic.",
    "What is already done is skipped, so it can run again at any time.",
    "A routes_table of the original Python program is adopted, with its rows.",
  ],
  usage: "routes migrate [FLAGS]",
  examples: [
    ["everything that routes needs", "routes migrate --create-database --topic --partitions 12"],
    ["the SQL, for someone who has the permission to run it", "routes migrate --dry-run"],
  ],
  flags: migrateFlags,
};
