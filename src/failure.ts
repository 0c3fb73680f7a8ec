import { openPaint, type Paint } from "./paint.ts";

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
export type FailureKind = Exclude<keyof typeof EXIT, "ok" | "bug" | "usage">;

/** What a person at 3 a.m. needs beside the message: what was seen, and what to type. */
export interface Remedy {
  /** What the other side answered or what was found; one line each. */
  reason?: string | string[] | undefined;
  /** What mends it, best a command to type; one line each. There is always something. */
  fix: string | string[];
  cause?: unknown;
}

/** The command line is wrong: ends with 2. */
export class Usage extends Error {
  override name = "Usage";
  readonly fix: string | undefined;
  constructor(message: string, fix?: string) {
    super(message);
    this.fix = fix;
  }
}

/** The world is not as it must be (settings, files, services, data): ends with the code of its kind. */
export class Operation extends Error {
  override name = "Operation";
  readonly kind: FailureKind;
  readonly reason: string[];
  readonly fix: string[];
  constructor(kind: FailureKind, message: string, remedy: Remedy) {
    super(message, { cause: remedy.cause });
    this.kind = kind;
    this.reason = [remedy.reason ?? []].flat();
    this.fix = [remedy.fix].flat();
  }
}

/** A failure and its reasons in one line. */
export function inFull(failure: Error): string {
  const reason = failure instanceof Operation ? failure.reason : [];
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
 * might mend what another cluster lacks.
 */
export function inPlace(fix: string, flags: string[]): string {
  return fix.replace(
    /^routes (?!help\b)[a-z]+/,
    (command) => [command, ...flags.map(shellWord)].join(" "),
  );
}

/** How a failure is shown. */
export interface Rendering {
  json: boolean;
  verbose: number;
  paint?: Paint;
  /** Never shown, wherever they come from. */
  secrets: string[];
  /** Say where the run worked; they belong to every command that mends. */
  flags?: string[];
}

/** A failure as text for stderr, and the exit code; what is neither Usage nor Operation is a bug of this program. */
export function renderFailure(
  error: unknown,
  { json, verbose, paint = openPaint(false), secrets, flags = [] }: Rendering,
): { text: string; code: number } {
  const { code, ...remedy } = describe(error);
  // Each line by itself: a secret such as `code` must not tear the JSON around it.
  const clean = (lines: string[]) => lines.flatMap((line) => scrub(line, secrets).split("\n"));
  const message = scrub(error instanceof Error ? error.message : String(error), secrets);
  const reason = clean(remedy.reason);
  const fix = clean(remedy.fix.map((line) => inPlace(line, flags)));
  const stack = verbose > 0 ? clean(stackOf(error)) : [];
  if (!json) {
    const fixes = fix.map((line) => `${paint.bold("fix:")} ${line}`);
    const lines = [
      `${paint.red("routes:")} ${message}`,
      ...[...reason, ...fixes, ...stack].map((l) => `  ${l}`),
    ];
    return { text: lines.join("\n") + "\n", code };
  }
  const report = {
    error: message,
    ...(reason.length > 0 && { reason: reason.join("\n") }),
    ...(fix.length > 0 && { fix: fix.join("\n") }),
    ...(stack.length > 0 && { stack: stack.join("\n") }),
    code,
  };
  return { text: JSON.stringify(report) + "\n", code };
}

function describe(error: unknown): { code: number; reason: string[]; fix: string[] } {
  if (error instanceof Usage) {
    return { code: EXIT.usage, reason: [], fix: [error.fix ?? []].flat() };
  }
  if (error instanceof Operation) {
    return { code: EXIT[error.kind], reason: error.reason, fix: error.fix };
  }
  return {
    code: EXIT.bug,
    reason: ["this is a bug in routes"],
    fix: ["run it again with -v and report what it prints"],
  };
}

function stackOf(error: unknown): string[] {
  const lines: string[] = [];
  for (let at = error; at instanceof Error && lines.length < 60; at = at.cause) {
    lines.push(...(at.stack ?? String(at)).split("\n"));
  }
  return lines;
}

/** Takes secrets out of a text: those given, and passwords in addresses. */
export function scrub(text: string, secrets: string[]): string {
  const spellings = secrets.filter((secret) => secret.length > 0)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: what begins like another must not leave its end behind. Addresses last: they may hold a part only.
  return spellings.sort((a, b) => b.length - a.length)
    .reduce((clean, secret) => clean.replaceAll(standing(secret), "***"), text)
    .replace(/(\w+:\/\/[^\s:@/]*:)\S+@/g, "$1***@");
}

/** A short word counts only as a whole one: "postgres" in "[postgresql]" is no secret, and a fix must stay readable. */
function standing(secret: string): string | RegExp {
  return /^\w{1,8}$/.test(secret) ? new RegExp(`(?<!\\w)${secret}(?!\\w)`, "g") : secret;
}
