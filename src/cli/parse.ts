import { UsageError } from "../errors.ts";
import { notChecked, unexpectedWord } from "./advice.ts";
import { type CommandLine, findVerb, helpOrVersion, splitArgs, unknownWord } from "./args.ts";
import { CHECKED, flagsFor, manuals, SHELLS, type Verb } from "./commands.ts";
import { consumeFlags, type ConsumeOptions } from "./commands/consume.ts";
import { migrateFlags, type MigrateOptions } from "./commands/migrate.ts";
import { produceFlags, type ProduceOptions, produceOptions } from "./commands/produce.ts";
import { queryFlags, type QueryOptions, queryOptions } from "./commands/query.ts";
import { checkCombination, readOptions } from "./flags.ts";
import { type Globals, globalsOf, globalSpecs, placeFlags } from "./globals.ts";

export { type Globals, placeFlags };

/** What the command line asks for. */
export type Command =
  | { verb: "help"; topic: string | null }
  | { verb: "completions"; shell: Shell }
  | { verb: "version" }
  | { verb: "produce"; options: ProduceOptions }
  | { verb: "consume"; options: ConsumeOptions }
  | { verb: "migrate"; options: MigrateOptions }
  | { verb: "query"; options: QueryOptions }
  | { verb: "check"; options: { command: Checked | null } }
  | { verb: "verify" };

/** A command whose requirements `routes check` can check. */
export type Checked = typeof CHECKED[number];
/** A shell that completions are written for. */
export type Shell = typeof SHELLS[number];

/** Reads the arguments of the process; `now` is in milliseconds. Throws a UsageError for everything unknown. */
export function parseCli(args: string[], now: number): { globals: Globals; command: Command } {
  const asked = helpOrVersion(args);
  if (asked) {
    const globals = globalsOf(readOptions(globalSpecs, new Map(), now));
    if (asked === "version") return { globals, command: { verb: "version" } };
    const topic = findVerb(args, { allowUnknown: true });
    return { globals, command: { verb: "help", topic } };
  }
  const line = splitArgs(args);
  const { verb, values } = line;
  const options = readOptions(globalSpecs, values, now);
  const globals = globalsOf(options);
  // In one argument with others, as in `-vh`.
  if (options.help) return { globals, command: { verb: "help", topic: verb } };
  if (options.version) return { globals, command: { verb: "version" } };
  checkCombination(flagsFor(verb), values);
  const command = readCommand(line, now);
  if (globals.config === "-" && command.verb === "produce" && command.options.stdin) {
    throw new UsageError(
      "--config - and --stdin both read stdin",
      "put the settings into a file or the environment",
    );
  }
  return { globals, command };
}

function readCommand(
  { verb, words, values, isWordFirst, args }: CommandLine,
  now: number,
): Command {
  const word = takeWord(verb, words);
  if (verb && words.length > 0) {
    const isFirst = isWordFirst && word === null;
    throw unexpectedWord(verb, words[0]!, { values, isFirst, args });
  }
  switch (verb) {
    case null:
      return { verb: "help", topic: null };
    case "version":
    case "verify":
      return { verb };
    case "help":
      return { verb, topic: word };
    case "completions": {
      const shell = SHELLS.find((name) => name === word);
      if (shell) return { verb, shell };
      throw new UsageError(
        `completions needs a shell: ${SHELLS.join(", ")}`,
        "routes completions bash",
      );
    }
    case "check":
      return { verb, options: { command: CHECKED.find((name) => name === word) ?? null } };
    case "produce":
      return { verb, options: produceOptions(readOptions(produceFlags, values, now), values) };
    case "consume":
      return { verb, options: readOptions(consumeFlags, values, now) };
    case "migrate":
      return { verb, options: readOptions(migrateFlags, values, now) };
    case "query":
      return { verb, options: queryOptions(readOptions(queryFlags, values, now), values) };
  }
}

/** Removes the word that may follow some commands, and checks it; null if there is none. */
function takeWord(verb: Verb | null, words: string[]): string | null {
  const known = verb ? manuals[verb].words : undefined;
  const word = known ? words.shift() : undefined;
  if (known === undefined || word === undefined) return null;
  if (known.includes(word)) return word;
  if (verb === "check") throw notChecked(word);
  throw unknownWord(verb === "completions" ? "shell" : "help topic", word, [...known]);
}
