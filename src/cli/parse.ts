import { asksFor, findVerb, flagsOf, splitArgs, unknownWord, type Values } from "./args.ts";
import { UsageError } from "../errors.ts";
import type { Flag } from "./flags.ts";
import {
  type ConsumeOptions,
  consumeOptions,
  exclude,
  type MigrateOptions,
  migrateOptions,
  type ProduceOptions,
  produceOptions,
  type QueryOptions,
  queryOptions,
  type Read,
} from "./options.ts";
import { CHECKED, manuals, SHELLS, type Verb } from "./commands.ts";

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

/** What the command line asks for. */
export type Command =
  | { verb: "help"; topic: string | null }
  | { verb: "man" }
  | { verb: "completions"; shell: Shell }
  | { verb: "version" }
  | { verb: "produce"; options: ProduceOptions }
  | { verb: "consume"; options: ConsumeOptions }
  | { verb: "migrate"; options: MigrateOptions }
  | { verb: "query"; options: QueryOptions }
  | { verb: "check"; options: { command: Checked | null } }
  | { verb: "verify" };

/** A command that `routes check` looks ahead for. */
export type Checked = typeof CHECKED[number];
/** A shell that completions are written for. */
export type Shell = typeof SHELLS[number];

/** The arguments of the process as a command; `now` is in milliseconds. Throws a UsageError for everything unknown. */
export function parseCli(args: string[], now: number): { globals: Globals; command: Command } {
  const asked = asksFor(args);
  if (asked === "version") return { globals: DEFAULTS, command: { verb: "version" } };
  if (asked === "help") {
    const topic = findVerb(args, { lenient: true });
    return { globals: DEFAULTS, command: { verb: "help", topic } };
  }
  const { verb, values, words } = splitArgs(args);
  const read = reader(values, flagsOf(verb), now);
  exclude(values, ["quiet", "verbose"], ["color", "no-color"]);
  const globals: Globals = {
    config: read("config"),
    set: (values.get("set") ?? []) as string[],
    json: values.has("json"),
    quiet: values.has("quiet"),
    verbose: Math.min(values.get("verbose")?.length ?? 0, 2) as 0 | 1 | 2,
    color: values.has("no-color") ? "never" : read("color"),
    progress: !values.has("no-progress"),
    timeoutMs: read("timeout") ?? DEFAULTS.timeoutMs,
  };
  // In one word with others, as in `-vh`.
  if (values.has("help")) return { globals, command: { verb: "help", topic: verb } };
  if (values.has("version")) return { globals, command: { verb: "version" } };
  return { globals, command: commandOf(verb, words, values, read) };
}

/** Those flags of a run that say where it works. */
export function placeFlags({ config, set }: Globals): string[] {
  return [...config === null ? [] : ["--config", config], ...set.flatMap((text) => ["-X", text])];
}

const DEFAULTS: Globals = {
  config: null,
  set: [],
  json: false,
  quiet: false,
  verbose: 0,
  color: null,
  progress: true,
  timeoutMs: 30_000,
};

function commandOf(verb: Verb | null, words: string[], values: Values, read: Read): Command {
  const word = wordAfter(verb, words);
  if (words.length > 0) throw new UsageError(`unexpected argument "${words[0]}"`);
  switch (verb) {
    case null:
      return { verb: "help", topic: null };
    case "version":
    case "verify":
      return { verb };
    case "help":
      if (word && values.has("man")) throw new UsageError("--man goes without a topic");
      return values.has("man") ? { verb: "man" } : { verb, topic: word };
    case "completions": {
      const shell = SHELLS.find((name) => name === word);
      if (!shell) {
        throw new UsageError(
          `completions needs a shell: ${SHELLS.join(", ")}`,
          "routes completions bash",
        );
      }
      return { verb, shell };
    }
    case "check":
      return { verb, options: { command: CHECKED.find((name) => name === word) ?? null } };
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

/** What the first word says where one may follow the command; null where there is none. */
function wordAfter(verb: Verb | null, words: string[]): string | null {
  const known = verb && manuals[verb].words;
  const word = known && words.shift();
  if (!known || word === undefined) return null;
  if (verb === "check" && !known.includes(word!)) {
    throw new UsageError(
      `check looks ahead for ${known.join(", ")}, not for "${word}"`,
      "routes check",
    );
  }
  const what = { help: "help topic", completions: "shell" }[verb as string] ?? "command";
  if (!known.includes(word!)) throw unknownWord(what, word!, [...known]);
  return word!;
}

function reader(values: Values, flags: Flag[], now: number): Read {
  return <T>(name: string) => {
    const given = values.get(name);
    const kind = flags.find((flag) => flag.name === name)?.kind;
    // Only lists are given more than once.
    return given && kind ? kind(given.join(","), name, now) as T : null;
  };
}
