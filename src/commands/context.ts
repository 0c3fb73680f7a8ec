import type { Command, Globals } from "../cli/parse.ts";
import type { Settings } from "../settings/settings.ts";
import type { System } from "../system.ts";
import type { Reporter } from "../terminal/reporter.ts";

/** What a command is wired from. */
export interface CommandContext {
  settings: Settings;
  globals: Globals;
  system: System;
  reporter: Reporter;
}

/** How work ended. */
export interface CommandResult {
  /** For --json; printed before the failure. */
  summary: object | null;
  /** What ended it early, or was found. */
  failure?: Error | null;
  /** Whether it had no end of its own, so that stopping it is a good end. */
  openEnded: boolean;
}

/** The options of a command. */
export type Options<Verb extends "produce" | "consume" | "migrate" | "query"> = Extract<
  Command,
  { verb: Verb }
>["options"];

/** Work whose failures are put into words. */
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

/** Whether the locale knows more than ASCII; one that is not told does. */
export function speaksUtf8(env: System["env"]): boolean {
  const locale = env("LC_ALL") || env("LC_CTYPE") || env("LANG") || "UTF-8";
  return /utf-?8/i.test(locale);
}

/** Resolves after that time, or as soon as the signal ends. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  let leftMs = ms;
  for (; leftMs > TIMER_MAX_MS && !signal.aborted; leftMs -= TIMER_MAX_MS) {
    await nap(TIMER_MAX_MS, signal);
  }
  await nap(leftMs, signal);
}

/** Timers take no more than 31 bits of milliseconds. */
const TIMER_MAX_MS = 2_147_483_647;

function nap(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const wake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, ms);
    signal.addEventListener("abort", wake);
  });
}
