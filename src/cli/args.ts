import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../errors.ts";
import { suggest } from "../suggest.ts";
import { helpFor, settingInPlaceOf, unexpectedWord } from "./advice.ts";
import { allFlags, flagsFor, isVerb, type Verb, verbs } from "./commands.ts";
import type { Flag, FlagValues } from "./flags.ts";

/** A number below zero: no flag, and a value only right after a flag. */
const NEGATIVE = /^-\.?\d/;

/** The parts of a command line; the values are still texts. */
export interface CommandLine {
  verb: Verb | null;
  values: FlagValues;
  /** The arguments after the command that are not flags. */
  words: string[];
  /** Whether the first of them follows the command at once. */
  isWordFirst: boolean;
  /** All arguments, with the long names of the flags. */
  args: string[];
}

/** Help and version win over every other argument: a user who asks for help may not know the rest yet. */
export function helpOrVersion(args: string[]): "help" | "version" | null {
  const flags = new Set(args.includes("--") ? args.slice(0, args.indexOf("--")) : args);
  if (flags.has("--help") || flags.has("-h")) return "help";
  return flags.has("--version") || flags.has("-V") ? "version" : null;
}

/** The command, which is the first argument that is neither a flag nor its value. */
export function findVerb(args: string[], { allowUnknown = false } = {}): Verb | null {
  // A flag of one name takes a value in every command or in none.
  const normalized = normalize(args, allFlags);
  const isUnknown = (arg: string) => /^-./.test(arg) && !findLong(arg, allFlags);
  const known = allowUnknown ? normalized.filter((arg) => !isUnknown(arg)) : normalized;
  const { words: [word] } = parse(known, allFlags, null, { stopEarly: true });
  if (word === undefined || isVerb(word)) return word ?? null;
  // As in `--topic foo query`, where --topic is a switch of another command.
  const before = args[args.indexOf(word) - 1] ?? "";
  const setting = before.startsWith("--") && settingInPlaceOf(before, word, null);
  const unknown = unknownWord("command", word, [...verbs]);
  throw setting ? new UsageError(unknown.message, setting) : unknown;
}

/** Splits the arguments, and refuses what the command does not know. */
export function splitArgs(args: string[]): CommandLine {
  const verb = findVerb(args);
  const flags = flagsFor(verb);
  const normalized = normalize(args, flags);
  const stray = normalized.slice(0, endOf(normalized)).find((arg) => NEGATIVE.test(arg));
  if (verb && stray !== undefined) {
    throw unexpectedWord(verb, stray, { values: new Map(), isFirst: false, args: normalized });
  }
  const { values, words } = parse(normalized, flags, verb);
  checkSwitches(normalized, flags, verb);
  for (const { name, type, repeatable } of flags) {
    const given = values.get(name) ?? [];
    if (given.length > 1 && !repeatable) throw new UsageError(`--${name} is given twice`);
    if (type && given.includes("")) {
      throw new UsageError(`--${name} needs a value`, `--${name} ${type.placeholder}`);
    }
  }
  const [, ...others] = words;
  const isWordFirst = verb !== null && args[args.indexOf(verb) + 1] === others[0];
  return { verb, values, words: others, isWordFirst, args: normalized };
}

/** The error for a word that is not among the known ones. */
export function unknownWord(what: string, word: string, known: string[]): UsageError {
  const nearest = suggest(word, known);
  const hint = nearest ? `: did you mean "${nearest}"?` : "";
  return new UsageError(`unknown ${what} "${word}"${hint}`, "routes help");
}

function unknownFlag(arg: string, args: string[], flags: Flag[], verb: Verb | null): UsageError {
  const [name, given] = arg.split(/=(.*)/s) as [string, string | undefined];
  const nearest = name.length > 2
    ? suggest(name.replace(/^-+/, ""), flags.map((flag) => flag.name))
    : flags.find(({ short }) => short?.toLowerCase() === name[1]?.toLowerCase())?.short;
  const meant = nearest ? `: did you mean ${nearest.length > 1 ? "--" : "-"}${nearest}?` : "";
  const next = args[args.indexOf(arg) + 1];
  const isValue = next !== undefined && !next.startsWith("-") && !isVerb(next);
  const value = given ?? (isValue ? next : null);
  const setting = !nearest && name.startsWith("--") && settingInPlaceOf(name, value, verb);
  const topic = args[args.indexOf("help") + 1];
  return new UsageError(`unknown flag ${name}${meant}`, setting || helpFor(verb, topic));
}

function parse(
  args: string[],
  flags: Flag[],
  verb: Verb | null,
  { stopEarly = false } = {},
): { values: FlagValues; words: string[] } {
  const words: string[] = [];
  // parseArgs() takes --no-config=a for --config=a.
  const safe = args.map((arg) => arg.startsWith("--no-") ? arg.split("=")[0]! : arg);
  const parsed: Record<string, unknown> = parseArgs(safe, {
    string: flags.filter(({ type }) => type).map(({ name }) => name),
    boolean: flags.filter(({ type }) => !type).map(({ name }) => name),
    collect: flags.map(({ name }) => name),
    stopEarly,
    "--": true,
    // Called for every word, too; parseArgs() would turn 007 into a number.
    unknown: (arg: string, key?: string) => {
      if (key !== undefined) throw unknownFlag(arg, args, flags, verb);
      words.push(arg);
      return false;
    },
  });
  const values: FlagValues = new Map();
  for (const { name } of flags) {
    const given = parsed[name];
    if (Array.isArray(given) && given.length > 0) values.set(name, given.map(String));
  }
  return { values, words: [...words, ...parsed["--"] as string[]] };
}

/**
 * Rewrites what parseArgs() reads otherwise: short flags in one argument with others or with a value, values that are
 * empty or begin with a dash, and optional values.
 */
function normalize(args: string[], flags: Flag[]): string[] {
  const normalized: string[] = [];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--") return [...normalized, ...args.slice(i)];
    const parts = /^-[^-]/.test(args[i]!) && !NEGATIVE.test(args[i]!)
      ? expandShort(args[i]!, flags)
      : [args[i]!];
    const last = parts.pop()!;
    const { type, implied } = findLong(last, flags) ?? {};
    normalized.push(...parts);
    if (!type || last.includes("=")) {
      normalized.push(last);
      continue;
    }
    // An optional value must look like a duration; otherwise it may be the command: `--watch query`.
    const pattern = implied ? /^\d/ : /^(-[\d.].*|-?)$/s;
    const next = args[i + 1];
    const value = next !== undefined && pattern.test(next) ? args[++i] : implied;
    normalized.push(value === undefined ? last : `${last}=${value}`);
  }
  return normalized;
}

/** `-vn5` as `--verbose --count=5`. */
function expandShort(arg: string, flags: Flag[]): string[] {
  // `-count` is --count with one dash, not five flags.
  if (findLong(`-${arg}`, flags)) return [arg];
  const expanded: string[] = [];
  for (let i = 1; i < arg.length; i++) {
    const flag = flags.find(({ short }) => short === arg[i]);
    if (!flag) return [...expanded, arg[i] === "-" ? arg : `-${arg[i]}`];
    const rest = arg.slice(i + 1);
    if (rest !== "" && (flag.type || rest.startsWith("="))) {
      return [...expanded, `--${flag.name}=${rest.replace(/^=/, "")}`];
    }
    expanded.push(`--${flag.name}`);
  }
  return expanded;
}

/** Where the flags end. */
function endOf(args: string[]): number {
  return args.includes("--") ? args.indexOf("--") : args.length;
}

function findLong(arg: string, flags: Flag[]): Flag | undefined {
  return flags.find(({ name }) => arg === `--${name}` || arg.startsWith(`--${name}=`));
}

/** parseArgs() accepts any value of a switch, and takes a `true` or `false` after it for one. */
function checkSwitches(args: string[], flags: Flag[], verb: Verb | null): void {
  for (const [i, arg] of args.slice(0, endOf(args)).entries()) {
    const flag = findLong(arg, flags);
    if (!flag || flag.type) continue;
    if (arg.includes("=")) throw new UsageError(`--${flag.name} takes no value`);
    const next = args[i + 1];
    if (next === "true" || next === "false") {
      throw new UsageError(`unexpected argument "${next}"`, helpFor(verb, undefined));
    }
  }
}
