import { OperationalError, systemReason } from "./errors.ts";

/** Everything outside of the program, as main.ts hands it in. */
export interface System {
  args: string[];
  env(name: string): string | undefined;
  /** Throws where the file is not there, or not to be read. */
  readFile(path: string): Uint8Array;
  /** Null where files have no mode. */
  mode(path: string): FileMode | null;
  /** Gives up the right to read for good, but for where these files are. */
  readOnlyNear(files: string[]): void;
  stdin: ReadableStream<Uint8Array>;
  stdout: Output;
  stderr: Output;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** A whole number below 2^32. */
  random(): number;
  /** Ends when it is time to finish; its reason is the exit code of work that had an end. */
  signal: AbortSignal;
  /** Handles errors that no code awaits, as in a callback of a client; `tell` prints the error and returns the exit code. */
  onStray(tell: (error: unknown) => Promise<number>): void;
  /** Asks on the terminal; null where there is none. */
  ask(question: string): Promise<string | null>;
  /** For the version line. */
  runtime: string;
}

/** A stream to write to. */
export interface Output {
  /** Waits until the data is written; throws ClosedPipe when the reader has closed the stream. */
  write(data: string | Uint8Array): Promise<void>;
  /** Width of the terminal as it is now, null where it is none. */
  readonly columns: number | null;
}

/** The reader of the output closed it, as `head` does: not a failure. */
export class ClosedPipe extends Error {
  override name = "ClosedPipe";
}

/** The failure when the output is not taken, as by a disk that is full. */
export function cannotWrite(cause: Error): OperationalError {
  return new OperationalError("temporary", `cannot write the output: ${systemReason(cause)}`, {
    hint: "make room where it goes, then run it again",
    cause,
  });
}

/** Who may do what with a file, as far as there is such a thing here. */
export interface FileMode {
  /** The lower nine bits. */
  mode: number;
  /** User that owns it. */
  uid: number;
}
