import { parseArgs } from "@std/cli/parse-args";
import { Usage } from "./failure.ts";
import { type Flag, type Spec } from "./flags.ts";
import { nearest } from "./nearest.ts";
import { commandFlags, globalFlags, isVerb, type Verb, verbs } from "./usage.ts";

/** Flags that go with every command. */
export interface Globals {
  config: string | null;
  /** `-X section.key=value`, unchecked. */
  set: string[];
  json: boolean;
  quiet: boolean;
  verbose: 0 | 1 | 2;
  color: "auto" | "always" | "never" | null;
  progress: boolean;
  timeoutMs: number;
}

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
}

export interface ConsumeOptions {
  follow: boolean;
  count: number | null;
  idleMs: number | null;
  from: Spec | null;
  until: Spec | null;
  batchSize: number;
  flushMs: number;
  onReject: "keep" | "fail";
  maxRejects: number | null;
  tee: boolean;
}

export interface MigrateOptions {
  status: boolean;
  dryRun: boolean;
  createDatabase: boolean;
  topic: boolean;
  partitions: number;
  replication: number | null;
  lockTimeoutMs: number;
}

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
}

/** What the command line asks for. */
export type Command =
  | { verb: "help"; topic: string | null }
  | { verb: "version" }
  | { verb: "produce"; options: ProduceOptions }
  | { verb: "consume"; options: ConsumeOptions }
  | { verb: "migrate"; options: MigrateOptions }
  | { verb: "query"; options: QueryOptions }
  | { verb: "verify" };

/** The arguments of the process as a command; `now` is in milliseconds. Throws a Usage for everything that is not known. */
export function parseCli(args: string[], now: number): { globals: Globals; command: Command } {
  const verb = findVerb(args);
  const flags = [...globalFlags, ...(verb ? commandFlags[verb] : [])];
  const { values, words } = split(args, flags, verb);
  const read = reader(values, flags, now);
  const globals: Globals = {
    config: read("config"),
    set: (values.get("set") ?? []) as string[],
    json: values.has("json"),
    quiet: values.has("quiet"),
    verbose: Math.min(values.get("verbose")?.length ?? 0, 2) as 0 | 1 | 2,
    color: values.has("no-color") ? "never" : read("color"),
    progress: !values.has("no-progress"),
    timeoutMs: read("timeout") ?? 30_000,
  };
  exclude(values, ["quiet", "verbose"], ["color", "no-color"]);
  if (values.has("version")) return { globals, command: { verb: "version" } };
  if (values.has("help")) return { globals, command: { verb: "help", topic: verb } };
  return { globals, command: commandOf(verb, words, values, read) };
}

function commandOf(verb: Verb | null, words: string[], values: Values, read: Read): Command {
  const topic = verb === "help" ? words.shift() ?? null : null;
  if (words.length > 0) throw new Usage(`unexpected argument "${words[0]}"`);
  switch (verb) {
    case null:
      return { verb: "help", topic: null };
    case "version":
    case "verify":
      return { verb };
    case "help":
      if (topic !== null && !isVerb(topic) && topic !== "settings") {
        throw unknownWord("help topic", topic, [...verbs, "settings"]);
      }
      return { verb, topic };
    case "produce":
      return { verb, options: produceOptions(values, read) };
    case "consume":
      return { verb, options: consumeOptions(values, read) };
    case "migrate":
      return { verb, options: migrateOptions(values, read) };
    case "query":
      return { verb, options: queryOptions(values, read) };
  }
}

function produceOptions(values: Values, read: Read): ProduceOptions {
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
  if (read("model") === "uniform") {
    for (const flag of walk) excludeWith(values, flag, "model uniform");
  }
  exclude(values, ["dry-run", "tee"]);
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
  };
}

function consumeOptions(values: Values, read: Read): ConsumeOptions {
  exclude(values, ["follow", "until"]);
  if (read("on-reject") === "fail") excludeWith(values, "max-rejects", "on-reject fail");
  return {
    follow: values.has("follow"),
    count: read("count"),
    idleMs: read("idle"),
    from: read("from"),
    until: read("until"),
    batchSize: read("batch-size") ?? 5000,
    flushMs: read("flush") ?? 200,
    onReject: read("on-reject") ?? "keep",
    maxRejects: read("max-rejects"),
    tee: values.has("tee"),
  };
}

function migrateOptions(values: Values, read: Read): MigrateOptions {
  exclude(values, ["status", "dry-run"]);
  for (const look of ["status", "dry-run"]) {
    for (const change of ["create-database", "topic"]) exclude(values, [look, change]);
  }
  for (const flag of ["partitions", "replication"]) {
    if (values.has(flag) && !values.has("topic")) throw new Usage(`--${flag} goes with --topic`);
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

function queryOptions(values: Values, read: Read): QueryOptions {
  const kinds = ["last", "summary", "total", "rejects"] as const;
  const what = kinds.filter((kind) => values.has(kind));
  if (what.length > 1) throw new Usage(`--${what[0]} and --${what[1]} exclude each other`);
  exclude(values, ["all", "limit"]);
  for (const flag of ["limit", "all", "order", "reverse", "columns"]) {
    exclude(values, ["total", flag]);
  }
  const [since, until] = [read<number>("since"), read<number>("until")];
  if (since !== null && until !== null && since >= until) {
    throw new Usage("--since is not before --until");
  }
  const near = read<[number, number]>("near");
  if (!near && values.has("radius")) throw new Usage("--radius goes with --near");
  if (!near && read("order") === "distance") throw new Usage("--order distance goes with --near");
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
    format: read("format") ?? "table",
    columns: read("columns"),
    header: !values.has("no-header"),
    time: read("time") ?? "iso",
  };
}

/** Values by flag name: one each, more only where a flag repeats. */
type Values = Map<string, (string | true)[]>;
type Read = <T>(flag: string) => T | null;

function reader(values: Values, flags: Flag[], now: number): Read {
  return <T>(name: string) => {
    const [value] = values.get(name) ?? [];
    const kind = flags.find((flag) => flag.name === name)?.kind;
    return value === undefined || value === true || !kind ? null : kind(value, name, now) as T;
  };
}

/** The first word that is no flag and no flag's value is the command. */
function findVerb(args: string[]): Verb | null {
  const all = [...globalFlags, ...Object.values(commandFlags).flat()];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") return null;
    if (!arg.startsWith("-") || arg === "-") {
      if (isVerb(arg)) return arg;
      throw unknownWord("command", arg, [...verbs]);
    }
    const flag = all.find(({ name, short }) => arg === `--${name}` || arg === `-${short}`);
    if (flag?.kind) at++;
  }
  return null;
}

/** Values by flag, and the words that are none; parseArgs() takes most mistakes silently, so they are caught here. */
function split(
  args: string[],
  flags: Flag[],
  verb: Verb | null,
): { values: Values; words: string[] } {
  const valued = flags.filter(({ kind }) => kind).map(({ name }) => name);
  const switches = flags.filter(({ kind }) => !kind).map(({ name }) => name);
  const parsed = parseArgs(spellOut(args, flags), {
    string: valued,
    collect: [...valued, ...switches],
    unknown: (arg: string, key?: string) => {
      if (key !== undefined) throw unknownFlag(arg.split("=")[0]!, flags, verb);
      return true;
    },
  }) as Record<string, unknown>;
  const values: Values = new Map();
  for (const { name, kind, repeatable } of flags) {
    const given = ([parsed[name] ?? []].flat() as (string | boolean)[]).filter((value) =>
      value !== false
    );
    if (given.length === 0) continue;
    if (given.length > 1 && !repeatable) throw new Usage(`--${name} is given twice`);
    if (kind && given.some((value) => value === "" || value === true)) {
      throw new Usage(`--${name} needs a value`);
    }
    if (!kind && given.some((value) => value !== true)) throw new Usage(`--${name} takes no value`);
    values.set(name, given as (string | true)[]);
  }
  return {
    values,
    words: (parsed._ as unknown[]).map(String).filter((word, at) => at > 0 || word !== verb),
  };
}

/** Every flag in its long form, its value behind `=`: parseArgs() takes no value that begins with a dash. */
function spellOut(args: string[], flags: Flag[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") return [...out, ...args.slice(at)];
    const long = /^--([^=]+)$/.exec(arg)?.[1];
    if (long !== undefined) {
      const flag = flags.find(({ name }) => name === long);
      out.push(flag?.kind ? `${arg}=${valueAfter(args, at++, flag)}` : arg);
    } else if (/^-[^-]/.test(arg)) {
      for (let letters = arg.slice(1); letters; letters = letters.slice(1)) {
        const flag = flags.find(({ short }) => short === letters[0]);
        if (!flag) throw unknownFlag(`-${letters[0]}`, flags, null);
        if (!flag.kind) out.push(`--${flag.name}`);
        else {
          const rest = letters.slice(1).replace(/^=/, "");
          out.push(`--${flag.name}=${rest || valueAfter(args, at++, flag)}`);
          break;
        }
      }
    } else out.push(arg);
  }
  return out;
}

function valueAfter(args: string[], at: number, { name }: Flag): string {
  const value = args[at + 1];
  if (value === undefined || /^--./.test(value)) throw new Usage(`--${name} needs a value`);
  return value;
}

function exclude(values: Values, ...pairs: [string, string][]): void {
  for (const [a, b] of pairs) {
    if (values.has(a) && values.has(b)) throw new Usage(`--${a} and --${b} exclude each other`);
  }
}

function excludeWith(values: Values, flag: string, other: string): void {
  if (values.has(flag)) throw new Usage(`--${flag} and --${other} exclude each other`);
}

function unknownWord(what: string, word: string, known: string[]): Usage {
  const meant = nearest(word, known);
  return new Usage(
    `unknown ${what} "${word}"${meant ? `: did you mean "${meant}"?` : ""}`,
    "routes help",
  );
}

function unknownFlag(flag: string, flags: Flag[], verb: Verb | null): Usage {
  const meant = nearest(flag.replace(/^-+/, ""), flags.map(({ name }) => name));
  return new Usage(
    `unknown flag ${flag}${meant && flag.startsWith("--") ? `: did you mean --${meant}?` : ""}`,
    verb ? `routes help ${verb}` : "routes help",
  );
}
