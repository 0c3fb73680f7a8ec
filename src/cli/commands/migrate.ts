import { duration, type Manual, whole } from "../flags.ts";
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
  flags: [
    {
      group: "Look only",
      name: "status",
      help: "list applied and pending; ends with 0 when nothing is pending",
    },
    { name: "dry-run", help: "print the exact SQL, change nothing" },
    {
      group: "Make more than tables",
      name: "create-database",
      help: "create the database too, if it is missing",
    },
    { name: "topic", help: "create the topic too, if it is missing" },
    {
      name: "partitions",
      kind: whole(1, 100_000),
      value: "N",
      help: "of the topic",
      fallback: "3",
    },
    {
      name: "replication",
      kind: whole(1, 100),
      value: "N",
      help: "of the topic",
      fallback: "the broker's",
    },
    {
      group: "Waiting",
      name: "lock-timeout",
      kind: duration,
      value: "DUR",
      help: "how long to wait for another run",
      fallback: "10s",
    },
  ],
};
