import type { Globals } from "../cli/parse.ts";
import type { Settings } from "../settings/settings.ts";
import type { Output, System } from "../system.ts";
import type { Reporter } from "../terminal/reporter.ts";

/** What every command gets. */
export interface CommandContext {
  settings: Settings;
  globals: Globals;
  system: System;
  reporter: Reporter;
}

/** The result of a command. */
export interface CommandResult {
  /** Printed with --json, before the failure. */
  summary: object | null;
  /** What ended the command early, or what it found. */
  failure?: Error | null;
  /** Whether the command runs until it is stopped, so that stopping it is a success. */
  openEnded: boolean;
}

/** With --json, stdout holds only the summary. */
export const SILENT: Pick<Output, "write"> = { write: () => Promise.resolve() };

/** Waits for work and explains its failure. */
export async function withExplanation<T>(
  explain: (error: unknown) => Error,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw explain(error);
  }
}

/** Whether the locale uses UTF-8; assumed when none is set. */
export function usesUtf8(env: System["env"]): boolean {
  const locale = env("LC_ALL") || env("LC_CTYPE") || env("LANG") || "UTF-8";
  return /utf-?8/i.test(locale);
}
