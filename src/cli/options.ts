import type { Values } from "./args.ts";
import { UsageError } from "../errors.ts";
import type { Spec } from "../record/offsets.ts";

/** The options of `routes produce`, with defaults filled in. */
export interface ProduceOptions {
  /** Null: until stopped. */
  count: number | null;
  durationMs: number | null;
  ratePerSecond: number | null;
  users: number;
  model: "walk" | "uniform";
  center: [latitude: number, longitude: number];
  radiusM: number;
  speedKmh: number;
  intervalMs: number;
  /** Milliseconds since 1970; null: so that the last fix is about now. */
  startMs: number | null;
  /** Null: drawn at random and printed. */
  seed: number | null;
  invalidPercent: number;
  stdin: boolean;
  key: "user" | "none";
  acks: "all" | "1";
  compression: "gzip" | "none";
  batchSize: number;
  dryRun: boolean;
  tee: boolean;
  strict: boolean;
}

/** The options of `routes consume`; null: no such limit. */
export interface ConsumeOptions {
  follow: boolean;
  count: number | null;
  idleMs: number | null;
  from: Spec | null;
  replay: Spec | null;
  /** A replay deletes without asking for confirmation. */
  yes: boolean;
  until: Spec | null;
  batchSize: number;
  flushMs: number;
  onReject: "keep" | "fail";
  maxRejects: number | null;
  deadLetterTopic: string | null;
  /** Nothing is read from the topic. */
  retryRejects: boolean;
  acceptLoss: boolean;
  /** Where to listen for those who watch. */
  http: { host: string; port: number } | null;
  tee: boolean;
  strict: boolean;
}

/** The options of `routes migrate`. */
export interface MigrateOptions {
  status: boolean;
  dryRun: boolean;
  createDatabase: boolean;
  topic: boolean;
  partitions: number;
  replication: number | null;
  lockTimeoutMs: number;
}

/** The options of `routes query`; null: no such filter. */
export interface QueryOptions {
  what: "points" | "last" | "summary" | "total" | "rejects";
  /** Inclusive ranges; null: all. */
  users: [from: number, to: number][] | null;
  /** Seconds since 1970, half open. */
  since: number | null;
  until: number | null;
  bbox: { west: number; south: number; east: number; north: number } | null;
  near: { latitude: number; longitude: number; radiusM: number } | null;
  /** Null: the format's default. */
  limit: number | null;
  all: boolean;
  order: "time" | "user" | "distance" | null;
  reverse: boolean;
  format: string;
  columns: string[] | null;
  header: boolean;
  time: "iso" | "unix" | "ms";
  /** Null: the default, where the format knows of gaps. */
  gapMs: number | null;
  simplifyM: number | null;
  watchMs: number | null;
  showSql: boolean;
  timing: boolean;
}

/** The value of a flag as what it means; null where it is not given. */
export type Read = <T>(flag: string) => T | null;

/** What `routes produce` is asked for. */
export function produceOptions(values: Values, read: Read): ProduceOptions {
  const walk = ["center", "radius", "speed"];
  const made = [
    "count",
    "duration",
    "users",
    "model",
    "interval",
    "start",
    "seed",
    "invalid",
    ...walk,
  ];
  for (const flag of made) exclude(values, ["stdin", flag]);
  if (values.has("strict") && !values.has("stdin")) {
    throw new UsageError("--strict goes with --stdin");
  }
  if (read("model") === "uniform") {
    for (const flag of walk) excludeWith(values, flag, "model uniform");
  }
  exclude(values, ["dry-run", "tee"], ["json", "dry-run"], ["json", "tee"]);
  const count: number | null = read("count");
  return {
    // A duration alone means as many as it takes.
    count: count === 0 || (count === null && values.has("duration")) ? null : count ?? 1000,
    durationMs: read("duration"),
    ratePerSecond: read("rate"),
    users: read("users") ?? 100,
    model: read("model") ?? "walk",
    center: read("center") ?? [60.1699, 24.9384],
    radiusM: read("radius") ?? 25_000,
    speedKmh: read("speed") ?? 40,
    intervalMs: read("interval") ?? 5_000,
    startMs: read("start"),
    seed: read("seed"),
    invalidPercent: read("invalid") ?? 0,
    stdin: values.has("stdin"),
    key: read("key") ?? "user",
    acks: read("acks") ?? "all",
    compression: read("compression") ?? "gzip",
    batchSize: read("batch-size") ?? 1000,
    dryRun: values.has("dry-run"),
    tee: values.has("tee"),
    strict: values.has("strict"),
  };
}

/** Flags about records that come from the topic. */
const READING = [
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
];

/** What `routes consume` is asked for. */
export function consumeOptions(values: Values, read: Read): ConsumeOptions {
  exclude(values, ["follow", "until"], ["from", "replay"], ["json", "tee"]);
  if (values.has("yes") && !values.has("replay")) throw new UsageError("--yes goes with --replay");
  for (const flag of READING) exclude(values, ["retry-rejects", flag]);
  if (read("on-reject") === "fail") {
    for (const flag of ["max-rejects", "dead-letter-topic"]) {
      excludeWith(values, flag, "on-reject fail");
    }
  }
  return {
    follow: values.has("follow"),
    count: read("count"),
    idleMs: read("idle"),
    from: read("from"),
    replay: read("replay"),
    yes: values.has("yes"),
    until: read("until"),
    batchSize: read("batch-size") ?? 5000,
    flushMs: read("flush") ?? 200,
    onReject: read("on-reject") ?? "keep",
    maxRejects: read("max-rejects"),
    deadLetterTopic: read("dead-letter-topic"),
    retryRejects: values.has("retry-rejects"),
    acceptLoss: values.has("accept-loss"),
    http: read("http"),
    tee: values.has("tee"),
    strict: values.has("strict"),
  };
}

/** What `routes migrate` is asked for. */
export function migrateOptions(values: Values, read: Read): MigrateOptions {
  exclude(values, ["status", "dry-run"], ["json", "dry-run"]);
  for (const look of ["status", "dry-run"]) {
    for (const change of ["create-database", "topic"]) exclude(values, [look, change]);
  }
  for (const flag of ["partitions", "replication"]) {
    if (values.has(flag) && !values.has("topic")) {
      throw new UsageError(`--${flag} goes with --topic`);
    }
  }
  return {
    status: values.has("status"),
    dryRun: values.has("dry-run"),
    createDatabase: values.has("create-database"),
    topic: values.has("topic"),
    partitions: read("partitions") ?? 3,
    replication: read("replication"),
    lockTimeoutMs: read("lock-timeout") ?? 10_000,
  };
}

/** What `routes query` is asked for. */
export function queryOptions(values: Values, read: Read): QueryOptions {
  const kinds = ["last", "summary", "total", "rejects"] as const;
  const what = kinds.filter((kind) => values.has(kind));
  if (what.length > 1) throw new UsageError(`--${what[0]} and --${what[1]} exclude each other`);
  exclude(values, ["all", "limit"]);
  for (const flag of ["limit", "all", "order", "reverse", "columns"]) {
    exclude(values, ["total", flag]);
  }
  const [since, until] = [read<number>("since"), read<number>("until")];
  if (since !== null && until !== null && since >= until) {
    throw new UsageError("--since is not before --until");
  }
  const format: string | null = values.has("json") ? "json" : read("format");
  if (values.has("json") && (read("format") ?? "json") !== "json") {
    excludeWith(values, "json", `format ${read("format")}`);
  }
  const near = read<[number, number]>("near");
  if (!near && values.has("radius")) throw new UsageError("--radius goes with --near");
  if (!near && read("order") === "distance") {
    throw new UsageError("--order distance goes with --near");
  }
  return {
    what: what[0] ?? "points",
    users: read("user"),
    since: since === null ? null : since / 1000,
    until: until === null ? null : until / 1000,
    bbox: read("bbox"),
    near: near && { latitude: near[0], longitude: near[1], radiusM: read("radius") ?? 1000 },
    limit: read("limit"),
    all: values.has("all"),
    order: read("order"),
    reverse: values.has("reverse"),
    format: format ?? "table",
    columns: read("columns"),
    header: !values.has("no-header"),
    time: read("time") ?? "iso",
    gapMs: read("gap"),
    simplifyM: read("simplify"),
    watchMs: read("watch"),
    showSql: values.has("show-sql"),
    timing: values.has("timing"),
  };
}

/** Refuses flags of which only one makes sense. */
export function exclude(values: Values, ...pairs: [string, string][]): void {
  for (const [a, b] of pairs) {
    if (values.has(a) && values.has(b)) {
      throw new UsageError(`--${a} and --${b} exclude each other`);
    }
  }
}

function excludeWith(values: Values, flag: string, other: string): void {
  if (values.has(flag)) throw new UsageError(`--${flag} and --${other} exclude each other`);
}
