import type { FlagSpecs, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import { address, anyText, choice, duration, spec, whole } from "../value_types.ts";

/** The flags of `routes consume`. */
export const consumeFlags = {
  follow: {
    group: "When to stop",
    short: "f",
    help: "go on until stopped",
    excludes: ["until"],
  },
  count: { short: "n", type: whole(1), help: "stop after N records" },
  idleMs: { name: "idle", type: duration, help: "stop after this long without a record" },
  until: { type: spec, help: "where to stop", defaultHelp: "the end as it is now" },

  from: {
    group: "Where to begin",
    type: spec,
    help: "where partitions start that were never read",
    defaultHelp: "earliest",
    excludes: ["replay"],
  },
  replay: {
    type: spec,
    help: "go back: delete what was stored from there on, then read it again",
  },
  yes: { help: "replay without asking", needs: "replay" },
  acceptLoss: {
    help: "go on past records that retention deleted unread; the range is written down",
  },

  onReject: {
    group: "Rejects",
    type: choice("DO", "keep", "fail"),
    help: "keep in routes_rejects, or fail at the first",
    default: "keep",
  },
  strict: { help: "reject keys that are unknown (unknown_key) or twice (duplicate_key)" },
  maxRejects: {
    type: whole(0),
    help: "stop when more than N are rejected",
    excludes: ["on-reject fail"],
  },
  deadLetterTopic: {
    type: anyText("T"),
    help: "also publish each reject to T, at least once, with Kafka Connect's headers",
    excludes: ["on-reject fail"],
  },
  retryRejects: {
    help: "judge kept rejects again, and store those that pass now",
    // The flags about records that come from the topic: nothing is read from it.
    excludes: [
      "follow",
      "count",
      "idle",
      "from",
      "replay",
      "until",
      "flush",
      "on-reject",
      "max-rejects",
      "dead-letter-topic",
      "accept-loss",
      "http",
      "tee",
    ],
  },

  batchSize: {
    group: "Batches",
    type: whole(1, 100_000),
    help: "most records in one statement",
    default: "5000",
  },
  flushMs: {
    name: "flush",
    type: duration,
    help: "longest time a record waits for others",
    default: "200ms",
  },

  http: { group: "Watching", type: address, help: "serve /metrics, /ready and /live" },
  tee: { help: "print stored records as NDJSON on stdout" },
} satisfies FlagSpecs;

/** The options of `routes consume`; null: not limited or not wanted. */
export type ConsumeOptions = OptionsOf<typeof consumeFlags>;

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
  flags: consumeFlags,
};
