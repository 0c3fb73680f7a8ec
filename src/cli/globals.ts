import { SETTABLE } from "../settings/sources.ts";
import type { FlagSpecs, OptionsOf } from "./flags.ts";
import { timeLimit } from "./time_types.ts";
import { anyTexts, choice, path } from "./value_types.ts";

/** Flags that are allowed with every command, before or after it. */
export const globalSpecs = {
  config: { type: path, help: "the settings file; - is stdin", defaultHelp: "./host_settings.ini" },
  set: {
    short: "X",
    type: anyTexts("SECTION.KEY=VALUE", SETTABLE.map((key) => `${key}=`)),
    help: "override a setting, as -X kafka.topic=test",
    repeatable: true,
  },
  json: {
    help: "the result as one JSON object on stdout, errors as JSON on stderr",
    excludes: ["dry-run", "tee"],
  },
  quiet: { short: "q", help: "print only errors", excludes: ["verbose"] },
  verbose: {
    short: "v",
    help: "print the steps; twice: also client logs and SQL",
    repeatable: true,
  },
  color: {
    type: choice("WHEN", "auto", "always", "never"),
    help: "auto, always or never",
    defaultHelp: "auto",
    excludes: ["no-color"],
  },
  noColor: { help: "the same as --color never" },
  progress: { name: "no-progress", help: "no progress line", negated: true },
  timeoutMs: {
    name: "timeout",
    type: timeLimit,
    help: "time limit for each connect and request",
    default: "30s",
  },
  help: { short: "h", help: "this text" },
  version: { short: "V", help: "the version" },
} satisfies FlagSpecs;

type GivenOptions = OptionsOf<typeof globalSpecs>;

/** The options that every command gets. */
export type Globals = Omit<GivenOptions, "set" | "noColor" | "help" | "version"> & {
  /** `-X section.key=value`, unchecked. */
  set: string[];
};

/** Combines the global flags that describe one thing. */
export function globalsOf(
  { set, verbose, color, noColor, help: _help, version: _version, ...options }: GivenOptions,
): Globals {
  return {
    ...options,
    set: set ?? [],
    verbose: Math.min(verbose, 2),
    color: noColor ? "never" : color,
  };
}

/** The flags of a run that say where it works. */
export function placeFlags({ config, set }: Globals): string[] {
  return [...config === null ? [] : ["--config", config], ...set.flatMap((text) => ["-X", text])];
}
