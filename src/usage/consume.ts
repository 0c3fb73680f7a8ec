import { address, choice, duration, spec, text, whole } from "../flags.ts";
import type { Manual } from "./manual.ts";

/** `routes consume`. */
export const consume: Manual = {
  summary: "read, validate, store",
  about: [
    "Read records, validate them, and store each exactly once.",
    "Without flags it reads to the end of the topic as it is now, then stops. To share the work, start more of them with the same group_id.",
    "SPEC is earliest, latest, an offset, @TIME, or -N for the last N records.",
  ],
  usage: "routes consume [FLAGS]",
  examples: [
    ["all that is there", "routes consume"],
    [
      "go on until Ctrl-C, or until something is wrong",
      "routes consume --follow --max-rejects 100",
    ],
    ["the last two hours once more", "routes consume --replay @2h --yes"],
  ],
  flags: [
    { group: "When to stop", name: "follow", short: "f", help: "go on until stopped" },
    { name: "count", short: "n", kind: whole(1), value: "N", help: "stop after N records" },
    { name: "idle", kind: duration, value: "DUR", help: "stop after this long without a record" },
    {
      name: "until",
      kind: spec,
      value: "SPEC",
      help: "where to stop",
      fallback: "the end as it is now",
    },
    {
      group: "Where to begin",
      name: "from",
      kind: spec,
      value: "SPEC",
      help: "where partitions start that were never read",
      fallback: "earliest",
    },
    {
      name: "replay",
      kind: spec,
      value: "SPEC",
      help: "go back: delete what was stored from there on, then read it again",
    },
    { name: "yes", help: "replay without asking" },
    {
      name: "accept-loss",
      help: "go on past records that retention deleted unread; the range is written down",
    },
    {
      group: "Rejects",
      name: "on-reject",
      kind: choice("keep", "fail"),
      value: "DO",
      help: "keep in routes_rejects, or fail at the first",
      fallback: "keep",
    },
    { name: "strict", help: "reject keys that are unknown (unknown_key) or twice (duplicate_key)" },
    { name: "max-rejects", kind: whole(0), value: "N", help: "stop when more than N are rejected" },
    {
      name: "dead-letter-topic",
      kind: text,
      value: "T",
      help: "also publish each reject to T, at least once, with Kafka Connect's headers",
    },
    { name: "retry-rejects", help: "judge kept rejects again, and store those that pass now" },
    {
      group: "Batches",
      name: "batch-size",
      kind: whole(1, 100_000),
      value: "N",
      help: "most records in one statement",
      fallback: "5000",
    },
    {
      name: "flush",
      kind: duration,
      value: "DUR",
      help: "longest time a record waits for others",
      fallback: "200ms",
    },
    {
      group: "Watching",
      name: "http",
      kind: address,
      value: "HOST:PORT",
      help: "serve /metrics, /ready and /live",
    },
    { name: "tee", help: "print stored records as NDJSON on stdout" },
  ],
};
