import type { Colors } from "./color.ts";
import { scrub } from "./scrub.ts";

// Data goes to stdout, talk to stderr: notes, progress, steps. No capitals at the beginning, no period at the end.
// A progress line stands only on a terminal and goes away before anything else is said; elsewhere it becomes a plain
// line every five seconds. A wait for the network is shown if it takes longer than a moment.

/** How much is said. */
export interface ReporterOptions {
  quiet: boolean;
  json: boolean;
  verbose: number;
  progress: boolean;
  /** Width of the terminal as it is now, null where stderr is none or cannot go back in a line. */
  columns(): number | null;
  colors: Colors;
  secrets: string[];
  write(text: string): void;
  now(): number;
  /** Calls back after that time, unless what it returns is called before. */
  later(ms: number, call: () => void): () => void;
}

/** What the program says on stderr beside failures. */
export interface Reporter {
  /** For everyone but --quiet and --json. */
  note(line: string): void;
  /** A note of what is not as good as it could be; the same is said once. */
  warn(line: string): void;
  /** With -v. */
  step(line: string): void;
  /** What is waited for now: with -v at once, else as progress when it takes its time. */
  wait(line: string): void;
  /** With -vv, else null: client logs and SQL. */
  log: ((line: string) => void) | null;
  /** Replaces the progress line before. */
  progress(line: string): void;
  /** Takes the progress line away. */
  clear(): void;
}

const REDRAW_MS = 100;
const PLAIN_MS = 5_000;
const WAIT_MS = 200;

/** Opens the talk of one run. */
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

/** Takes a line away. In a window that has become narrower it stands on more than one. */
function erase(line: string, width: number | null): string {
  const above = width === null ? 0 : Math.ceil(line.length / width) - 1;
  return above > 0 ? `\x1b[${above}A\r\x1b[J` : "\r\x1b[K";
}
