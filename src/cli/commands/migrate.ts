import type { FlagSpecs, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import { duration, whole } from "../value_types.ts";

/** The flags of `routes migrate`. */
export const migrateFlags = {
  status: {
    group: "Look only",
    help: "list applied and pending; ends with 0 when nothing is pending",
    excludes: ["dry-run", "create-database", "topic"],
  },
  dryRun: {
    help: "print the exact SQL, change nothing",
    excludes: ["create-database", "topic"],
  },

  createDatabase: {
    group: "Make more than tables",
    help: "create the database too, if it is missing",
  },
  topic: { help: "create the topic too, if it is missing" },
  partitions: { type: whole(1, 100_000), help: "of the topic", default: "3", needs: "topic" },
  replication: {
    type: whole(1, 100),
    help: "of the topic",
    defaultHelp: "the broker's",
    needs: "topic",
  },

  lockTimeoutMs: {
    name: "lock-timeout",
    group: "Waiting",
    type: duration,
    help: "how long to wait for another run",
    default: "10s",
  },
} satisfies FlagSpecs;

/** The options of `routes migrate`. */
export type MigrateOptions = OptionsOf<typeof migrateFlags>;

/** `routes migrate`. */
export const migrate: Manual = {
  summary: "prepare the database, and the topic",
  about: [
    "Prepare the database (and the topic); what is done already is left alone.",
    "A routes_table of the original Python program is adopted, rows and all.",
  ],
  usage: "routes migrate [FLAGS]",
  examples: [
    ["everything that is needed", "routes migrate --create-database --topic --partitions 12"],
    ["the SQL, for someone who may run it", "routes migrate --dry-run"],
  ],
  flags: migrateFlags,
};
