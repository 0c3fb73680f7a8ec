import type { Colors } from "./color.ts";
import { scrub } from "./scrub.ts";

// Data goes to stdout; notes, progress and steps go to stderr, without a capital at the beginning or a period at the end.
// On a terminal each progress line replaces the one before and is erased before any other output; elsewhere a plain line
// is written every five seconds. A wait for the network is shown only when it takes longer.

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

/** Writes everything on stderr except failures. */
export interface Reporter {
  /** Written unless --quiet or --json is set. */
  note(line: string): void;
  /** A note of something that needs attention; the same line is written once. */
  warn(line: string): void;
  /** Written with -v. */
  step(line: string): void;
  /** What the program waits for: written at once with -v, else as progress when the wait is long. */
  wait(line: string): void;
  /** Client logs and SQL; null unless -vv is set. */
  log: ((line: string) => void) | null;
  /** Replaces the last progress line. */
  progress(line: string): void;
  /** Erases the progress line. */
  clear(): void;
}

const REDRAW_MS = 100;
const PLAIN_MS = 5_000;
const WAIT_MS = 200;

/** The reporter of one run. */
export function openReporter(options: ReporterOptions): Reporter {
  const { quiet, json, verbose, columns, colors, secrets, now } = options;
  const silent = quiet || json;
  const warned = new Set<string>();
  const shows = options.progress && !silent;
  let shown = "";
  let shownAt = columns() === null ? now() : 0;
  let stopWaiting = () => {};
  const clear = () => {
    stopWaiting();
    if (shown) options.write(erase(shown, columns()));
    shown = "";
  };
  const say = (line: string) => {
    clear();
    options.write(scrub(line, secrets) + "\n");
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
    note: (line) => silent || say(line),
    warn: (line) => {
      if (!silent && !warned.has(line)) say(`${colors.yellow("warning:")} ${line}`);
      warned.add(line);
    },
    step: (line) => verbose >= 1 && say(line),
    log: verbose >= 2 ? say : null,
    wait: (line) => {
      stopWaiting();
      if (verbose >= 1) return say(line);
      if (!shows) return;
      stopWaiting = options.later(columns() === null ? PLAIN_MS : WAIT_MS, () => show(line));
    },
    progress: (line) => {
      if (!shows || now() - shownAt < (columns() === null ? PLAIN_MS : REDRAW_MS)) return;
      shownAt = now();
      show(line);
    },
  };
}

/** Erases a line, which takes up several lines in a window that has become narrower. */
function erase(line: string, width: number | null): string {
  const above = width === null ? 0 : Math.ceil(line.length / width) - 1;
  return above > 0 ? `\x1b[${above}A\r\x1b[J` : "\r\x1b[K";
}
