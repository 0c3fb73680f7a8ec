/** Exit codes, after sysexits.h. */
export const EXIT = {
  ok: 0,
  bug: 1,
  usage: 2,
  data: 65,
  noInput: 66,
  unavailable: 69,
  temporary: 75,
  noPermission: 77,
  settings: 78,
} as const;

/** When each is used, for the man page and README. */
export const EXIT_MEANINGS: [codes: string, when: string][] = [
  ["0", "done, or nothing to do"],
  ["1", "a bug in routes; -v shows where"],
  ["2", "the command line is wrong"],
  [
    "65",
    "the data is: --on-reject fail, --max-rejects, a bad line on stdin, verify found a fault, log and database contradict each other",
  ],
  ["66", "a file is missing"],
  ["69", "Kafka, PostgreSQL, topic, database or tables are not there"],
  ["75", "lost on the way, after retries; run it again to go on"],
  ["77", "not permitted: login, right, or a file that the program may not read"],
  ["78", "settings are wrong"],
  ["130, 143", "work with an end was interrupted, or the second signal"],
];

/** Name of an exit code that an expected failure can end with. */
export type ErrorKind = Exclude<keyof typeof EXIT, "ok" | "bug" | "usage">;

/** What a person at 3 a.m. needs beside the message: what was seen, and what to type. */
export interface Remedy {
  /** What the other side answered or what was found; one line each. */
  reason?: string | string[] | undefined;
  /** How to fix it, if possible a command to type; one line each, at least one. */
  hint: string | string[];
  cause?: unknown;
}

/** The command line is wrong: ends with 2. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** Settings, files, services or data are not as they must be: ends with the code of its kind. */
export class OperationalError extends Error {
  override name = "OperationalError";
  readonly kind: ErrorKind;
  readonly reason: string[];
  readonly hint: string[];
  constructor(kind: ErrorKind, message: string, remedy: Remedy) {
    super(message, { cause: remedy.cause });
    this.kind = kind;
    this.reason = [remedy.reason ?? []].flat();
    this.hint = [remedy.hint].flat();
  }
}

/** A failure and its reasons in one line. */
export function fullMessage(failure: Error): string {
  const reason = failure instanceof OperationalError ? failure.reason : [];
  return [failure.message, ...reason].join(": ");
}

/** What the system says of an error, as the end of a sentence. */
export function systemReason({ message }: Error): string {
  const reason = message.replace(/ \(os error.*$/s, "");
  return reason.charAt(0).toLowerCase() + reason.slice(1);
}

/** A word as a shell takes it, in quotes where it needs them. */
export function shellWord(word: string): string {
  return /^[\w./~+=:,@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * A fix that is a command of this program, with those `flags` of the run that failed which say where: without them it
 * might change another cluster.
 */
export function withLocationFlags(fix: string, flags: string[]): string {
  return fix.replace(
    /^routes (?!help\b)[a-z]+/,
    (command) => [command, ...flags.map(shellWord)].join(" "),
  );
}
