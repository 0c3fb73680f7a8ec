import { OperationalError, systemReason } from "./errors.ts";

/** Everything outside of the program, as main.ts provides it. */
export interface System {
  args: string[];
  env(name: string): string | undefined;
  /** The names of the variables that are set and that the program may read. */
  envNames(): string[];
  /** Throws when the file does not exist or is not readable. */
  readFile(path: string): Uint8Array;
  /** All of stdin, for a command that reads no records from it. */
  readStdin(): Uint8Array;
  /** Null for a text that only stands for a file; "unknown" on Windows. Throws as readFile() does. */
  mode(path: string): FileMode | "unknown" | null;
  /** Gives up the right to read files for the rest of the run, except in the folders of these files. */
  readOnlyNear(files: string[]): void;
  stdin: ReadableStream<Uint8Array>;
  /** Whether a person types what stdin reads. */
  stdinIsTerminal: boolean;
  stdout: Output;
  stderr: Output;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** Resolves after `ms`, or as soon as the signal aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
  /** A random whole number below 2^32. */
  random(): number;
  /** Aborted when the run must stop; its reason is the exit code for a command that has an end. */
  signal: AbortSignal;
  /** Handles errors that no code awaits, as in a callback of a client; `tell` prints the error and returns the exit code. */
  onStray(tell: (error: unknown) => Promise<number>): void;
  /** Asks the user; null without a terminal. */
  ask(question: string): Promise<string | null>;
  /** Memory of the process. */
  residentBytes(): number;
  /** For the version line. */
  runtime: string;
  /** The versions of what the runtime consists of. */
  engine: { v8: string; typescript: string };
  isWindows: boolean;
}

/** A stream to write to. */
export interface Output {
  /** Waits until the data is written; throws ClosedPipe when the reader has closed the stream. */
  write(data: string | Uint8Array): Promise<void>;
  /** Current width of the terminal; null: not a terminal. */
  readonly columns: number | null;
  /** Current height of the terminal; null: not a terminal. */
  readonly rows: number | null;
}

/** The reader of the output closed it, as `head` does: not a failure. */
export class ClosedPipe extends Error {
  override name = "ClosedPipe";
}

/** An output for copies of data: after its reader has closed it, it calls `closed` once and writes nothing more. */
export function untilClosed(
  output: Pick<Output, "write">,
  closed: () => void,
): Pick<Output, "write"> {
  let isOpen = true;
  return {
    write: async (data) => {
      if (!isOpen) return;
      try {
        await output.write(data);
      } catch (error) {
        if (!(error instanceof ClosedPipe)) throw error;
        if (isOpen) closed();
        isOpen = false;
      }
    },
  };
}

/** The same output with another way to write to it. */
export function withWrite(output: Output, write: Output["write"]): Output {
  return {
    get columns() {
      return output.columns;
    },
    get rows() {
      return output.rows;
    },
    write,
  };
}

/** The failure to write the output, as when the disk is full. */
export function cannotWrite(cause: Error): OperationalError {
  return new OperationalError("temporary", `cannot write the output: ${systemReason(cause)}`, {
    hint: "make room where it goes, then run it again",
    cause,
  });
}

/**
 * The signals that end a run, and the exit codes of a command that they interrupt. On Windows, SIGBREAK is Ctrl-Break and
 * SIGHUP comes when the window is closed; the runtime refuses the others there.
 */
export function stopSignals(isWindows: boolean) {
  const everywhere = [["SIGINT", 130], ["SIGHUP", 129]] as const;
  const others = isWindows
    ? [["SIGBREAK", 149]] as const
    : [["SIGTERM", 143], ["SIGQUIT", 131]] as const;
  return [...everywhere, ...others];
}

/** The keys that end what is typed. */
export function endOfInput({ isWindows }: Pick<System, "isWindows">): string {
  return isWindows ? "Ctrl-Z and Enter" : "Ctrl-D";
}

/** The permissions of a file. */
export interface FileMode {
  /** The bits of chmod. */
  mode: number;
  /** The user that owns the file. */
  uid: number;
  /** Whether that is the user of this process. */
  isOwn: boolean;
}

/** Implements System.sleep(). */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= TIMER_MAX_MS || signal.aborted) return await sleepShort(ms, signal);
  await sleepShort(TIMER_MAX_MS, signal);
  await sleep(ms - TIMER_MAX_MS, signal);
}

/** A timer takes at most 31 bits of milliseconds. */
const TIMER_MAX_MS = 2_147_483_647;

function sleepShort(ms: number, signal: AbortSignal): Promise<void> {
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
