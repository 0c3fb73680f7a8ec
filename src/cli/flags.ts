import { UsageError } from "../errors.ts";
import { isZone } from "../units.ts";
import type { ParseContext, ValueType } from "./value_types.ts";

/**
 * The one declaration of a flag: parsing, options, help, man page and completions come from it. Its key is the name of
 * the option; the flag has the same name with dashes (`batchSize` is `--batch-size`) unless `name` is set.
 */
export interface FlagSpec {
  name?: string;
  short?: string;
  /** Absent for a switch, which has no value. */
  type?: ValueType<unknown>;
  help: string;
  /** The value if the flag is not given, as a user would type it; without it the option is null. */
  default?: string;
  /** What the help says about the default if there is no `default`. */
  defaultHelp?: string;
  /** The value if the flag is given without one; such a flag's value is optional. */
  implied?: string;
  /** The flag may be given more than once; a switch then counts. */
  repeatable?: true;
  /** The option is true unless this switch is given. */
  negated?: true;
  /** Flags that cannot be combined with this one: `until`, or `model uniform` for one value only. */
  excludes?: string[];
  /** A flag without which this one is refused. */
  needs?: string;
  /** In the help, the heading of this flag and those after it. */
  group?: string;
}

/** The flags of a command by the names of their options. */
export type FlagSpecs = Record<string, FlagSpec>;

/** The options that these flags are read into. */
export type OptionsOf<Specs extends FlagSpecs> = {
  -readonly [Key in keyof Specs]: OptionOf<Specs[Key]>;
};

type OptionOf<Spec extends FlagSpec> = Spec extends { type: ValueType<infer Value> }
  ? Spec extends { default: string } ? Value : Value | null
  : Spec extends { repeatable: true } ? number
  : boolean;

/** A flag with its name. */
export interface Flag extends FlagSpec {
  name: string;
  /** The name of its option. */
  key: string;
}

/** The texts that each flag is given, by its name; a switch is given "true". */
export type FlagValues = Map<string, string[]>;

/** The flags in the order of their declaration. */
export function listFlags(specs: FlagSpecs): Flag[] {
  return Object.entries(specs).map(([key, spec]) => ({
    ...spec,
    key,
    name: spec.name ?? key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
  }));
}

/** Reads the options of flags. */
export function readOptions<Specs extends FlagSpecs>(
  specs: Specs,
  values: FlagValues,
  now: number,
): OptionsOf<Specs> {
  // Times are by the clock of that zone; if it is unknown, its own flag says so.
  const given = values.get("tz")?.at(-1) ?? "UTC";
  const zone = isZone(given) ? given : "UTC";
  const options = listFlags(specs).map((flag) => [
    flag.key,
    readOption(flag, values.get(flag.name), { now, zone }),
  ]);
  return Object.fromEntries(options) as OptionsOf<Specs>;
}

function readOption(
  flag: Flag,
  given: string[] | undefined,
  context: Pick<ParseContext, "now" | "zone">,
): unknown {
  if (!flag.type) {
    if (flag.repeatable) return given?.length ?? 0;
    return (given !== undefined) !== (flag.negated ?? false);
  }
  const texts = given ?? (flag.default === undefined ? null : [flag.default]);
  return texts && flag.type.parse(texts.join(","), { ...context, flag: flag.name, texts });
}

/** Refuses flags that exclude each other, and flags without those that they need. */
export function checkCombination(flags: Flag[], values: FlagValues): void {
  for (const { name, excludes = [], needs } of flags) {
    if (!values.has(name)) continue;
    const other = excludes.find((other) => isGiven(other, values));
    if (other !== undefined) throw new UsageError(`--${name} and --${other} exclude each other`);
    if (needs !== undefined && !values.has(needs)) {
      throw new UsageError(`--${name} goes with --${needs}`);
    }
  }
}

function isGiven(flagAndValue: string, values: FlagValues): boolean {
  const [name, value] = flagAndValue.split(" ");
  const given = values.get(name!);
  return given !== undefined && (value === undefined || given.includes(value));
}
