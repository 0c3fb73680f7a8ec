import { consume } from "./commands/consume.ts";
import { migrate } from "./commands/migrate.ts";
import { produce } from "./commands/produce.ts";
import { query } from "./commands/query.ts";
import { type Flag, listFlags } from "./flags.ts";
import { globalSpecs } from "./globals.ts";
import type { Manual } from "./manual.ts";

/** The commands. */
export const verbs = [
  "migrate",
  "produce",
  "consume",
  "query",
  "check",
  "verify",
  "help",
  "completions",
  "version",
] as const;
export type Verb = typeof verbs[number];

/** Whether a word names a command. */
export function isVerb(word: string): word is Verb {
  return (verbs as readonly string[]).includes(word);
}

/** Commands whose requirements `routes check` can check on their own. */
export const CHECKED = ["produce", "consume", "migrate", "query"] as const;
/** Shells that completions are written for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
/** Help topics that are not commands. */
export const topics = ["settings", "errors", "formats"];

/** The description of each command. */
export const manuals: Record<Verb, Manual> = {
  migrate,
  produce,
  consume,
  query,
  check: {
    summary: "check that everything is in place, and print a fix if not",
    about: [
      "Check that everything is in place, and print a fix if not. Changes nothing.",
      "Checks every step: settings, certificates and keys, Kafka (name, port, TLS, login, topic, permissions), PostgreSQL (name, port, TLS, login, tables, permissions), clocks. With a command, it checks only what that command needs.",
      "A line begins with ✓ if that works, with ! if it works but needs attention, and with ✗ if it does not; each ✗ has a fix. Exits with 0, or with the exit code of the first ✗.",
    ],
    usage: `routes check [${CHECKED.join("|")}]`,
    examples: [
      ["before the first record", "routes check"],
      ["for a script", "routes check consume --json"],
    ],
    words: CHECKED,
    flags: {},
  },
  verify: {
    summary: "prove that every record is accounted for exactly once",
    about: [
      "Read the topic again and compare it record by record with the database.",
      "Every consumed record must be a row, a reject or a tombstone, exactly once and unchanged. Exits with 0 if every record is accounted for, otherwise with 65. Changes nothing.",
    ],
    usage: "routes verify",
    examples: [
      ["counts for each partition, and the first offsets of each fault", "routes verify"],
      ["for a script", "routes verify --json"],
    ],
    flags: {},
  },
  help: {
    summary: `about a command, or ${topics.map((topic) => `"${topic}"`).join(", ")}`,
    about: ["Print help for all commands, for one command, or for a topic."],
    usage: `routes help [COMMAND|${topics.join("|")}]`,
    examples: [
      ["a settings file with every key", "routes help settings > host_settings.ini"],
    ],
    words: [...verbs, ...topics],
    flags: {},
  },
  completions: {
    summary: "for bash, zsh or fish",
    about: ["Print a script that makes a shell complete commands, flags and their values."],
    usage: `routes completions ${SHELLS.join("|")}`,
    examples: [
      ["bash, in ~/.bashrc", "source <(routes completions bash)"],
      ["zsh, in ~/.zshrc after compinit", "source <(routes completions zsh)"],
      ["fish, once", "routes completions fish > ~/.config/fish/completions/routes.fish"],
    ],
    words: SHELLS,
    flags: {},
  },
  version: {
    summary: "the version",
    about: [
      "Print the version of routes, of Deno, and what they were built for. With -v also those of V8, TypeScript and the libraries.",
    ],
    usage: "routes version",
    examples: [["the same", "routes --version"], ["with all parts", "routes version -v"]],
    flags: {},
  },
};

/** The flags that every command has. */
export const globalFlags = listFlags(globalSpecs);

/** The flags of each command. */
export const commandFlags = Object.fromEntries(
  verbs.map((verb) => [verb, listFlags(manuals[verb].flags)]),
) as Record<Verb, Flag[]>;

/** The flags of all commands. */
export const allFlags = [...globalFlags, ...Object.values(commandFlags).flat()];

/** The flags that are allowed with a command; without one, the global ones. */
export function flagsFor(verb: Verb | null): Flag[] {
  return [...globalFlags, ...verb ? commandFlags[verb] : []];
}
