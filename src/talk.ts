import { scrub } from "./failure.ts";

// Data goes to stdout, talk to stderr: notes, progress, steps. No capitals at the beginning, no period at the end.
// A progress line stands only on a terminal and goes away before anything else is said; elsewhere it becomes a plain
// line every five seconds.

/** How much is said. */
export interface TalkOptions {
  quiet: boolean;
  json: boolean;
  verbose: number;
  progress: boolean;
  /** Width of the terminal, null where stderr is none. */
  columns: number | null;
  secrets: string[];
  write(text: string): void;
  now(): number;
}

/** What the program says on stderr beside failures. */
export interface Talk {
  /** For everyone but --quiet and --json. */
  note(line: string): void;
  /** A note of what is not as good as it could be; the same is said once. */
  warn(line: string): void;
  /** With -v. */
  step(line: string): void;
  /** With -vv, else null: client logs and SQL. */
  log: ((line: string) => void) | null;
  /** Replaces the progress line before. */
  progress(line: string): void;
  /** Takes the progress line away. */
  clear(): void;
}

const REDRAW_MS = 100;
const PLAIN_MS = 5_000;

/** Opens the talk of one run. */
export function openTalk(options: TalkOptions): Talk {
  const { quiet, json, verbose, columns, secrets, now } = options;
  const silent = quiet || json;
  const warned = new Set<string>();
  let shown = false;
  let shownAt = columns === null ? now() : 0;
  const clear = () => {
    if (shown) options.write("\r\x1b[K");
    shown = false;
  };
  const say = (line: string) => {
    clear();
    options.write(scrub(line, secrets) + "\n");
  };
  return {
    clear,
    note: (line) => silent || say(line),
    warn: (line) => {
      if (!silent && !warned.has(line)) say(`warning: ${line}`);
      warned.add(line);
    },
    step: (line) => verbose >= 1 && say(line),
    log: verbose >= 2 ? say : null,
    progress: (line) => {
      if (silent || !options.progress) return;
      if (now() - shownAt < (columns === null ? PLAIN_MS : REDRAW_MS)) return;
      shownAt = now();
      if (columns === null) return say(line);
      options.write(`\r\x1b[K${scrub(line, secrets).slice(0, columns - 1)}`);
      shown = true;
    },
  };
}
