import type { Colors } from "./color.ts";
import { scrub } from "./scrub.ts";

// Data goes to stdout; notes, progress and steps go to stderr, without a capital at the beginning or a period at the end.
// On a terminal each progress line replaces the one before and is erased before any other output; elsewhere a plain line
// is written every five seconds, or every minute when nothing changes. With --json, events are JSON lines. A wait for the network is shown only when it takes longer.

/** What to write, and where. */
export interface ReporterOptions {
  quiet: boolean;
  json: boolean;
  verbose: number;
  progress: boolean;
  /** The current width of the terminal; null when stderr is not one or cannot move the cursor. */
  columns(): number | null;
  colors: Colors;
  secrets: string[];
  write(text: string): void;
  now(): number;
  /** Calls back after `ms`; the returned function cancels it. */
  later(ms: number, call: () => void): () => void;
}

/** Names the event of a line in JSON. */
export type EventCode =
  | "certificate"
  | "end"
  | "foreign_members"
  | "lock"
  | "loss_accepted"
  | "reading_again"
  | "resumed"
  | "settings"
  | "waiting";

/** Writes everything on stderr except failures. */
export interface Reporter {
  /** Written unless --quiet is set; with --json only if it is an event, as JSON. */
  note(line: string, event?: EventCode): void;
  /** A note of something that needs attention; the same line is written once. */
  warn(line: string, event: EventCode): void;
  /** Written with -v. */
  step(line: string): void;
  /** What the program waits for: written at once with -v, else as progress when the wait is long. */
  wait(line: string): void;
  /** Client logs and SQL; null unless -vv is set. */
  log: ((line: string) => void) | null;
  /** Replaces the last progress line. Where lines stay, one with the same `state` is written only once a minute. */
  progress(line: string, state?: string): void;
  /** Erases the progress line. */
  clear(): void;
}

const REDRAW_MS = 100;
const PLAIN_MS = 5_000;
const UNCHANGED_MS = 60_000;
const WAIT_MS = 200;

/** The reporter of one run. */
export function openReporter(options: ReporterOptions): Reporter {
  const { quiet, json, verbose, columns, colors, secrets, now } = options;
  const silent = quiet || json;
  const warned = new Set<string>();
  const shows = options.progress && !silent;
  let shown = "";
  let shownAt = columns() === null ? now() : 0;
  let shownState: string | undefined;
  let stopWaiting = () => {};
  const clear = () => {
    stopWaiting();
    if (shown) options.write(erase(shown, columns()));
    shown = "";
  };
  const say = (line: string, label = "") => {
    clear();
    options.write(label + scrub(line, secrets) + "\n");
  };
  const sayEvent = (level: "info" | "warn", code: EventCode, line: string) => {
    const event = {
      level,
      code,
      time: new Date(now()).toISOString(),
      message: scrub(line, secrets),
    };
    options.write(JSON.stringify(event) + "\n");
  };
  const show = (line: string) => {
    const width = columns();
    if (width === null) return say(line);
    stopWaiting();
    const before = erase(shown, width);
    shown = scrub(line, secrets).slice(0, width - 1);
    options.write(before + shown);
  };
  return {
    clear,
    note: (line, event) => {
      if (!silent) say(line);
      else if (event && !quiet) sayEvent("info", event, line);
    },
    warn: (line, event) => {
      if (quiet || warned.has(line)) return;
      warned.add(line);
      if (json) sayEvent("warn", event, line);
      else say(line, `${colors.yellow("warning:")} `);
    },
    step: (line) => verbose >= 1 && say(line),
    log: verbose >= 2 ? say : null,
    wait: (line) => {
      stopWaiting();
      if (verbose >= 1) return say(line);
      if (!shows) return;
      stopWaiting = options.later(columns() === null ? PLAIN_MS : WAIT_MS, () => show(line));
    },
    progress: (line, state) => {
      // The work goes on, so what it waited for is over, also where this line comes too early to be shown.
      stopWaiting();
      const isUnchanged = state !== undefined && state === shownState;
      const everyMs = columns() !== null ? REDRAW_MS : isUnchanged ? UNCHANGED_MS : PLAIN_MS;
      if (!shows || now() - shownAt < everyMs) return;
      shownAt = now();
      shownState = state;
      show(line);
    },
  };
}

/** Erases a line, which takes up several lines in a window that has become narrower. */
function erase(line: string, width: number | null): string {
  const above = width === null ? 0 : Math.ceil(line.length / width) - 1;
  return above > 0 ? `\x1b[${above}A\r\x1b[J` : "\r\x1b[K";
}
