import { choice, type Flag, limit, type Manual, path, text } from "./flags.ts";
import { consume } from "./commands/consume.ts";
import { migrate } from "./commands/migrate.ts";
import { produce } from "./commands/produce.ts";
import { query } from "./commands/query.ts";

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

/** Commands that `routes check` can look ahead for. */
export const CHECKED = ["produce", "consume", "migrate", "query"] as const;
/** Shells that completions are written for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
/** Topics of the help that are no command. */
export const topics = ["settings", "errors", "formats"];

/** Flags that go with every command, on either side of it. */
export const globalFlags: Flag[] = [
  {
    name: "config",
    kind: path,
    value: "PATH",
    help: "the settings file",
    fallback: "./host_settings.ini",
  },
  {
    name: "set",
    short: "X",
    kind: text,
    value: "SECTION.KEY=VALUE",
    help: "override a setting",
    repeatable: true,
  },
  { name: "json", help: "one JSON object on stdout, errors as JSON on stderr" },
  { name: "quiet", short: "q", help: "errors only" },
  { name: "verbose", short: "v", help: "steps; twice: client logs and SQL too", repeatable: true },
  {
    name: "color",
    kind: choice("auto", "always", "never"),
    value: "WHEN",
    help: "auto, always or never",
    fallback: "auto",
  },
  { name: "no-color", help: "the same as --color never" },
  { name: "no-progress", help: "no progress line" },
  {
    name: "timeout",
    kind: limit,
    value: "DUR",
    help: "limit of each connect and request",
    fallback: "30s",
  },
  { name: "help", short: "h", help: "this text" },
  { name: "version", short: "V", help: "the version" },
];

/** What is to be known of each command. */
export const manuals: Record<Verb, Manual> = {
  migrate,
  produce,
  consume,
  query,
  check: {
    summary: "check that everything is in place, and print a fix if not",
    about: [
      "Check that everything is in place, and print a fix if not. Changes nothing.",
      "Checks every step: settings, certificates and keys, Kafka (name, port, TLS, login, topic, rights), PostgreSQL (name, port, TLS, login, tables, rights), clocks. With a command, only what that command needs. Ends with 0, or with the exit code of the first ✗.",
    ],
    usage: `routes check [${CHECKED.join("|")}]`,
    examples: [
      ["before the first record", "routes check"],
      ["for a script", "routes check consume --json"],
    ],
    words: CHECKED,
    flags: [],
  },
  verify: {
    summary: "prove that every record is accounted for, once",
    about: [
      "Read the topic again and compare it record by record with the database.",
      "Every record that was consumed must be a row, a reject or a tombstone, once and unchanged. Ends with 0 when all is accounted for, else with 65. Changes nothing.",
    ],
    usage: "routes verify",
    examples: [
      ["counts by partition, and the first offsets of each fault", "routes verify"],
      ["for a script", "routes verify --json"],
    ],
    flags: [],
  },
  help: {
    summary: `about a command, or ${topics.map((topic) => `"${topic}"`).join(", ")}`,
    about: ["Print help for all commands, for one command, or for a topic."],
    usage: `routes help [COMMAND|${topics.join("|")}]`,
    examples: [
      ["a settings file with every key", "routes help settings > host_settings.ini"],
      ["the man page", "routes help --man > routes.1"],
    ],
    words: [...verbs, ...topics],
    flags: [{ group: "Instead", name: "man", help: "all of it as a man page, in roff" }],
  },
  completions: {
    summary: "for bash, zsh or fish",
    about: ["Write what makes a shell complete commands, flags and their values."],
    usage: `routes completions ${SHELLS.join("|")}`,
    examples: [
      ["bash, in ~/.bashrc", "source <(routes completions bash)"],
      ["zsh, in ~/.zshrc behind compinit", "source <(routes completions zsh)"],
      ["fish, once", "routes completions fish > ~/.config/fish/completions/routes.fish"],
    ],
    words: SHELLS,
    flags: [],
  },
  version: {
    summary: "the version",
    about: ["Print the version of routes, of Deno, and what they were built for."],
    usage: "routes version",
    examples: [["the same", "routes --version"]],
    flags: [],
  },
};

/** The flags of each command. */
export const commandFlags = Object.fromEntries(
  verbs.map((verb) => [verb, manuals[verb].flags]),
) as Record<Verb, Flag[]>;
