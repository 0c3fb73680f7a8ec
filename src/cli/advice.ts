import { UsageError } from "../errors.ts";
import { KEYS, SETTABLE } from "../settings/sources.ts";
import { variableOf } from "../settings/variables.ts";
import { CHECKED, commandFlags, flagsFor, isVerb, topics, type Verb } from "./commands.ts";
import type { FlagValues } from "./flags.ts";
import { joinedValue } from "./stray_words.ts";
import { quoted } from "./value_types.ts";

/** Names that other programs have for a setting. */
const OTHER_NAMES: Record<string, string> = {
  bootstrap_server: "bootstrap_servers",
  broker: "bootstrap_servers",
  consumer_group: "group_id",
  db: "dbname",
  group: "group_id",
  username: "user",
};

/** What to type in place of a flag that is named like a setting, as `--topic x`; null: it is not. */
export function settingInPlaceOf(
  flag: string,
  value: string | null,
  verb: Verb | null,
): string | null {
  const words = flag.replace(/^--/, "").replaceAll(/[-.]/g, "_").toLowerCase();
  const key = words.replace(/^(kafka|postgresql|postgres|pg)_/, "");
  if (key === "table") {
    return "the table is routes_table; to select its schema: -X postgresql.schema=NAME";
  }
  const name = settingOf(OTHER_NAMES[key] ?? key);
  if (!name) return null;
  const [section, first] = name.split(".") as [string, string];
  if (!SETTABLE.includes(name)) {
    return `set ${
      variableOf(section, first)
    } in the environment, or [${section}] ${first} in the settings file`;
  }
  return `routes ${verb ?? "COMMAND"} -X ${name}=${value ?? "VALUE"}`;
}

function settingOf(key: string): string | null {
  for (const [section, keys] of Object.entries(KEYS)) {
    for (const [first, others] of Object.entries(keys)) {
      if (key === first || others.includes(key)) return `${section}.${first}`;
    }
  }
  return null;
}

/** The refusal of an argument that a command does not take; `isFirst`: it follows the command at once; `args`: all. */
export function unexpectedWord(
  verb: Verb,
  word: string,
  { values, isFirst, args }: { values: FlagValues; isFirst: boolean; args: string[] },
): UsageError {
  const hint = joinedValue(word, args, flagsFor(verb)) ?? inPlaceOf(verb, word, values, isFirst);
  return new UsageError(`unexpected argument "${word}"`, hint);
}

function inPlaceOf(verb: Verb, word: string, values: FlagValues, isFirst: boolean): string {
  if (verb === "help") return isTopic(word) ? `routes help ${word}` : "routes help";
  if (verb === "migrate" && values.has("topic") && /^[\w.-]+$/.test(word)) {
    return `routes migrate --topic -X kafka.topic=${word}`;
  }
  if (values.has("stdin") && !isVerb(word) && /^[\w./][\w./ -]*\.\w+$/.test(word)) {
    return `routes ${verb} --stdin < ${quoted(word)}`;
  }
  const count = commandFlags[verb].find(({ short }) => short === "n");
  if (count && isFirst && /^\d+$/.test(word) && !values.has(count.name)) {
    return `routes ${verb} --${count.name} ${word}`;
  }
  if (word !== "help" && word !== verb && isVerb(word)) {
    return `one command at a time: routes ${verb}, then routes ${word}`;
  }
  return `routes help ${verb}`;
}

/** The refusal of a word after `check`. */
export function notChecked(word: string): UsageError {
  const hint = word === "verify"
    ? "routes check looks at everything; routes verify compares the records"
    : word === "help"
    ? "routes help check"
    : "routes check";
  return new UsageError(
    `check has no checks for "${word}": expected ${CHECKED.join(", ")}`,
    hint,
  );
}

/** The help that the words of a command line ask for. */
export function helpFor(verb: Verb | null, topic: string | undefined): string {
  if (verb !== "help") return verb ? `routes help ${verb}` : "routes help";
  return topic !== undefined && isTopic(topic) ? `routes help ${topic}` : "routes help";
}

function isTopic(word: string): boolean {
  return isVerb(word) || topics.includes(word);
}
