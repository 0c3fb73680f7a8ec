import type { FlagSpecs, OptionsOf } from "../flags.ts";
import type { Manual } from "../manual.ts";
import { tiles } from "../tiles.ts";
import { spec, startSpec } from "../spec_types.ts";
import { duration } from "../time_types.ts";
import { address, anyText, choice, whole } from "../value_types.ts";

/** The flags of `routes consume`. */
export const consumeFlags = {
  follow: {
    group: "When to stop",
    short: "f",
    help: "continue until stopped",
    excludes: ["until"],
  },
  count: { short: "n", type: whole(1), help: "stop after N records" },
  idleMs: { name: "idle", type: duration, help: "stop after this long without a record" },
  until: { type: spec, help: "where to stop", defaultHelp: "the current end" },

  from: {
    group: "Where to start",
    type: startSpec,
    help:
      "where to start partitions that were never read; group:NAME: where that consumer group stands",
    defaultHelp: "earliest",
    excludes: ["replay", "skip-to"],
  },
  replay: {
    type: spec,
    help: "go back: delete what was stored from SPEC on, then read it again",
    excludes: ["skip-to"],
  },
  skipTo: {
    type: spec,
    help: "go forward without reading what lies between; the range is recorded as lost",
  },
  yes: {
    help: "do not ask about --replay and --skip-to; begin at group:NAME although it has members",
  },
  acceptLoss: {
    help: "continue after records that retention deleted unread; the range is recorded",
  },

  onReject: {
    group: "Rejects",
    type: choice("DO", "keep", "fail"),
    help: "keep rejects in routes_rejects, or fail at the first one",
    default: "keep",
  },
  strict: {
    help: "also reject records with unknown or duplicate keys (unknown_key, duplicate_key)",
  },
  maxRejects: {
    type: whole(0),
    help: "stop when more than N records are rejected",
    excludes: ["on-reject fail"],
  },
  deadLetterTopic: {
    type: anyText("T"),
    help: "also publish each reject to T, at least once, with Kafka Connect's headers",
    excludes: ["on-reject fail"],
  },
  retryRejects: {
    help: "validate kept rejects again, and store those that pass now",
    // Nothing is read from the topic, so flags about reading are refused.
    excludes: [
      "follow",
      "count",
      "idle",
      "from",
      "replay",
      "skip-to",
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
    help: "maximum number of records in one statement",
    default: "50000",
  },
  flushMs: {
    name: "flush",
    type: duration,
    help: "maximum time that a record waits for others",
    default: "200ms",
  },

  http: {
    group: "Monitoring",
    type: address,
    help: "serve a live page at /, and /metrics, /ready, /live",
  },
  tiles: {
    type: tiles,
    help:
      "background of that page: osm or a URL with {z}/{x}/{y}; that server learns what is viewed",
    needs: "http",
  },
  tee: { help: "print stored records as NDJSON on stdout" },
} satisfies FlagSpecs;

/** The options of `routes consume`; null: not limited or not wanted. */
export type ConsumeOptions = OptionsOf<typeof consumeFlags>;

/** `routes consume`. */
export const consume: Manual = {
  summary: "read, validate, store",
  about: [
    "Read records, validate them, and store each exactly once.",
    "Without flags it reads to the current end of the topic, then stops. To share the work, start more processes with the same settings.",
    "A record that is not valid becomes a reject: it is kept in routes_rejects with the reason. routes query --rejects shows them.",
    "SPEC is earliest, latest, an offset, @TIME (@2h: two hours ago), or -N for the last N records of each partition.",
  ],
  usage: "routes consume [FLAGS]",
  examples: [
    ["everything that is in the topic now", "routes consume"],
    [
      "continue until Ctrl-C, or until there are too many rejects",
      "routes consume --follow --max-rejects 100",
    ],
    ["see it live: open http://127.0.0.1:9187 in a browser", "routes consume --follow --http 9187"],
    ["the last two hours again", "routes consume --replay @2h --yes"],
    ["go on where another program stopped", "routes consume --from group:demo-group"],
  ],
  flags: consumeFlags,
};
