import { EXIT, OperationalError, UsageError, withLocationFlags } from "../errors.ts";
import { type Colors, openColors } from "./color.ts";
import { scrub, scrubAnswer } from "./scrub.ts";

/** How to show a failure. */
interface Rendering {
  json: boolean;
  verbose: number;
  colors?: Colors;
  /** Removed from every text. */
  secrets: string[];
  /** The --config and -X flags of the run: they are added to every suggested command. */
  flags?: string[];
  isWindows?: boolean;
}

/** An error as text for stderr, and its exit code; an error that is neither a UsageError nor an OperationalError is a bug. */
export function renderError(
  error: unknown,
  { json, verbose, colors = openColors(false), secrets, flags = [], isWindows = false }: Rendering,
): { text: string; code: number } {
  const { code, ...remedy } = describe(error);
  // Scrub each line before it becomes JSON: a secret such as `code` must not break the JSON.
  const clean = (lines: string[]) => lines.map((line) => scrub(line, secrets));
  const message = scrub(error instanceof Error ? error.message : String(error), secrets);
  const reason = remedy.reason.map((line) => scrubAnswer(line, secrets));
  const fix = clean(remedy.fix.map((line) => withLocationFlags(line, flags, isWindows)));
  const stack = verbose > 0 ? clean(stackOf(error)) : [];
  if (!json) {
    const fixes = fix.map((line) => `${colors.bold("fix:")} ${line}`);
    const lines = [
      `${colors.red("routes:")} ${message}`,
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
  if (error instanceof UsageError) {
    return { code: EXIT.usage, reason: [], fix: [error.hint ?? []].flat() };
  }
  if (error instanceof OperationalError) {
    return { code: EXIT[error.kind], reason: error.reason, fix: error.hint };
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
