import type { FlagSpecs } from "./flags.ts";

/** The description of a command, for its parsing, help, man page and completions. */
export interface Manual {
  /** For lists of commands. */
  summary: string;
  /** What it does, by paragraphs; the first is one line. */
  about: string[];
  usage: string;
  examples: [what: string, line: string][];
  /** What may follow the command. */
  words?: readonly string[];
  flags: FlagSpecs;
}
