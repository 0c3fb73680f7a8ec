import type { Flag } from "../flags.ts";

/** A command as it is written about: parsing, help, completions and man page all come from here. */
export interface Manual {
  /** For lists of commands. */
  summary: string;
  /** What it does, by paragraphs; the first is a line. */
  about: string[];
  usage: string;
  examples: [what: string, line: string][];
  /** What may follow the command. */
  words?: readonly string[];
  flags: Flag[];
}
