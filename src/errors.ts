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

/** The meaning of each exit code, for the man page and README. */
export const EXIT_MEANINGS: [codes: string, when: string][] = [
  ["0", "done, or nothing to do"],
  ["1", "a bug in routes; -v shows where"],
  ["2", "the command line is wrong"],
  [
    "65",
    "the data is wrong: --on-reject fail, --max-rejects, a bad line on stdin, verify found a fault, topic and database contradict each other",
  ],
  ["66", "a file is missing"],
  ["69", "Kafka, PostgreSQL, the topic, the database or its tables are not available"],
  ["75", "a temporary failure, after retries; run it again to continue"],
  ["77", "not permitted: a login, a right, or a file that the program may not read"],
  ["78", "the settings are wrong"],
  ["129, 130, 131, 143", "a command that has an end was interrupted, or the second signal"],
];

/** Name of an exit code that an expected failure can end with. */
export type ErrorKind = Exclude<keyof typeof EXIT, "ok" | "bug" | "usage">;

/** What an error tells besides its message. */
export interface Remedy {
  /** What the server answered, or what was found; one line each. */
  reason?: string | string[] | undefined;
  /** What to do, if possible a command to type; one line each, at least one. */
  hint: string | string[];
  cause?: unknown;
}

/** The command line is wrong: the exit code is 2. */
export class UsageError extends Error {
  override name = "UsageError";
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** An expected failure of settings, files, services or data: its kind determines the exit code. */
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

/** The message of an operating system error, as the end of a sentence. */
export function systemReason({ message }: Error): string {
  const reason = message.replace(/ \(os error.*$/s, "");
  return reason.charAt(0).toLowerCase() + reason.slice(1);
}

/** Whether the code of that npm package failed, as on an answer of a server that makes no sense. */
export function isThrownIn(library: string, error: Error): boolean {
  // Its own errors, in contrast to those of the runtime, say what happened.
  if (!["TypeError", "RangeError", "SyntaxError"].includes(error.name)) return false;
  const frames = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  // Parts of the runtime, such as Buffer, throw on behalf of their caller.
  const caller = frames.find((line) => !/\b(ext|node):/.test(line));
  return caller?.includes(`/${library}/`) ?? false;
}

/** A word for a shell, in quotes if it needs them; on Windows in those that both cmd and PowerShell know. */
export function shellWord(word: string, isWindows: boolean): string {
  if (isWindows) {
    return /^[\w.\\/~+=:-]+$/.test(word) ? word : `"${word.replaceAll('"', '""')}"`;
  }
  return /^[\w./~+=:,@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Adds the `flags` of the failed run to a hint that is a command of routes: without them it might change another cluster. */
export function withLocationFlags(hint: string, flags: string[], isWindows: boolean): string {
  return hint.replace(
    /^routes (?!help\b)[a-z]+/,
    (command) => [command, ...flags.map((flag) => shellWord(flag, isWindows))].join(" "),
  );
}

/** Turns a refusal of Deno's permissions into an error for users; returns other errors unchanged. */
export function asPermission(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "NotCapable") return error;
  // `Requires read access to "/etc/passwd", run again with …`: the rest is for people who start it with Deno.
  const refused = error.message.replace(/^Requires /, "").replace(/, (run again|specify) .*$/s, "");
  return new OperationalError("noPermission", `not permitted: ${refused}`, {
    hint: "give routes that permission where it is built or started",
    cause: error,
  });
}
