import type { Globals } from "../cli/parse.ts";
import type { Settings } from "../settings/settings.ts";
import { type Output, type System, withWrite } from "../system.ts";
import { asciiSigns } from "../terminal/ascii.ts";
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

/** Where a report for people goes. With --json, stdout holds only the summary. */
export function reportOutput(
  { globals, system: { stdout, env } }: Pick<CommandContext, "globals" | "system">,
): Pick<Output, "write"> {
  if (globals.json) return { write: () => Promise.resolve() };
  return usesUtf8(env) ? stdout : asciiOutput(stdout);
}

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

/** An output for messages to people, on such a terminal. */
export function asciiOutput(output: Output): Output {
  return withWrite(
    output,
    (data) => output.write(typeof data === "string" ? asciiSigns(data) : data),
  );
}
