import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../errors.ts";
import type { Flag } from "./flags.ts";
import { aliasHint } from "./aliases.ts";
import { suggest } from "../suggest.ts";
import { commandFlags, globalFlags, isVerb, type Verb, verbs } from "./commands.ts";

/** What was given: values by flag, one each, more only where a flag repeats; true stands for a switch. */
export type Values = Map<string, (string | true)[]>;

/** The command line by its parts; nothing is read yet. */
export interface Given {
  verb: Verb | null;
  values: Values;
  /** What is no flag, without the command. */
  words: string[];
}

/** Help and version win over every other argument: a user who asks for help may not know the rest yet. */
export function asksFor(args: string[]): "help" | "version" | null {
  const flags = new Set(args.includes("--") ? args.slice(0, args.indexOf("--")) : args);
  if (flags.has("--help") || flags.has("-h")) return "help";
  return flags.has("--version") || flags.has("-V") ? "version" : null;
}

/** The first word that is no flag and no flag's value is the command; `lenient`: flags may be unknown. */
export function findVerb(args: string[], { lenient = false } = {}): Verb | null {
  const all = [...globalFlags, ...Object.values(commandFlags).flat()];
  for (const part of spellOut(args, all)) {
    if (part.word !== undefined) {
      if (isVerb(part.word)) return part.word;
      throw unknownWord("command", part.word, [...verbs]);
    }
    if (!part.flag && !lenient) throw unknownFlag(part.text, all, null);
  }
  return null;
}

/** Takes the arguments apart, strictly. */
export function splitArgs(args: string[]): Given {
  const verb = findVerb(args);
  const flags = flagsOf(verb);
  const parts = [...spellOut(args, flags)];
  const stranger = parts.find(({ word, flag }) => word === undefined && !flag);
  if (stranger) throw unknownFlag(stranger.text, flags, verb);
  const words = parts.flatMap(({ word }) => word ?? []);
  const valued = parts.find(({ flag, text }) => flag && !flag.kind && text.includes("="));
  if (valued) throw new UsageError(`--${valued.flag!.name} takes no value`);
  const spelled = parts.filter(({ flag }) => flag).map(({ text }) => text);
  return { verb, values: collect(spelled, flags), words: words.slice(1) };
}

/** The flags that go with a command. */
export function flagsOf(verb: Verb | null): Flag[] {
  return [...globalFlags, ...(verb ? commandFlags[verb] : [])];
}

/** The refusal of a word that is none of those known. */
export function unknownWord(what: string, word: string, known: string[]): UsageError {
  const meant = suggest(word, known);
  const hint = meant ? `: did you mean "${meant}"?` : "";
  const here = meant || what !== "command" ? null : aliasHint(word, null);
  return new UsageError(`unknown ${what} "${word}"${hint}`, here ?? "routes help");
}

/** parseArgs() takes most mistakes silently, so they are caught before and after it. */
function collect(spelled: string[], flags: Flag[]): Values {
  const names = flags.map(({ name }) => name);
  const valued = flags.filter(({ kind }) => kind).map(({ name }) => name);
  const parsed: Record<string, unknown> = parseArgs(spelled, { string: valued, collect: names });
  const values: Values = new Map();
  for (const { name, kind, repeatable } of flags) {
    const given = [parsed[name] ?? []].flat() as (string | true)[];
    if (given.length === 0) continue;
    if (given.length > 1 && !repeatable) throw new UsageError(`--${name} is given twice`);
    if (kind && given.includes("")) throw new UsageError(`--${name} needs a value`);
    values.set(name, given);
  }
  return values;
}

/** A piece of the command line: a word, or a flag, which is absent where it is not known. */
interface Part {
  text: string;
  word?: string;
  flag?: Flag;
}

/** Every flag in its long form, its value behind `=`: parseArgs() takes no value that begins with a dash. */
function* spellOut(args: string[], flags: Flag[]): Generator<Part> {
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      for (const word of args.slice(at + 1)) yield { text: word, word };
      return;
    }
    if (!arg.startsWith("-") || arg === "-") {
      yield { text: arg, word: arg };
      continue;
    }
    const parts = arg.startsWith("--") ? [long(arg, flags)] : [...letters(arg, flags)];
    const last = parts.at(-1)!;
    if (last.flag?.kind && !last.text.includes("=")) {
      const value = args[at + 1];
      const { implied } = last.flag;
      // An optional value must look like a duration; otherwise it may be the command: `--watch query`.
      const isValue = value !== undefined && (implied ? /^\d/ : /^(?!-[^\d.])/).test(value);
      if (isValue) at++;
      last.text += `=${isValue ? value : implied ?? ""}`;
    }
    yield* parts;
  }
}

function long(arg: string, flags: Flag[]): Part {
  const flag = flags.find(({ name }) => name === arg.slice(2).split("=")[0]);
  return flag ? { text: arg, flag } : { text: arg };
}

/** `-vn5` is `-v -n 5`. */
function* letters(arg: string, flags: Flag[]): Generator<Part> {
  // `-count` is --count with a dash too few, rather than five flags.
  if (long(`-${arg}`, flags).flag) return yield { text: arg };
  for (let at = 1; at < arg.length; at++) {
    const flag = flags.find(({ short }) => short === arg[at]);
    if (!flag) return yield { text: `-${arg[at]}` };
    const rest = arg.slice(at + 1);
    const hasValue = rest !== "" && (flag.kind !== undefined || rest.startsWith("="));
    yield { text: `--${flag.name}${hasValue ? `=${rest.replace(/^=/, "")}` : ""}`, flag };
    if (hasValue) return;
  }
}

function unknownFlag(text: string, flags: Flag[], verb: Verb | null): UsageError {
  const name = text.split("=")[0]!;
  const meant = name.length > 2
    ? suggest(name.replace(/^-+/, ""), flags.map((flag) => flag.name))
    : flags.find(({ short }) => short?.toLowerCase() === name[1]!.toLowerCase())?.short;
  const hint = meant ? `: did you mean ${meant.length > 1 ? "--" : "-"}${meant}?` : "";
  const here = meant ? null : aliasHint(name, verb);
  return new UsageError(
    `unknown flag ${name}${hint}`,
    here ?? (verb ? `routes help ${verb}` : "routes help"),
  );
}
