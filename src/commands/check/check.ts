import type { Finding } from "../../network/certificates.ts";
import { EXIT, OperationalError, withLocationFlags } from "../../errors.ts";
import type { Colors } from "../../terminal/color.ts";
import type { Output, System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { scrub } from "../../terminal/scrub.ts";

/** One check; `run` throws an OperationalError when the check fails. */
export interface CheckStep {
  name: string;
  /** No later step depends on it. */
  isLeaf?: boolean;
  run(): Promise<Finding | Finding[] | string>;
}

/** What `routes check` depends on. */
interface CheckDeps {
  /** Each step depends on those before it: after a failed step the rest of its chain is skipped. */
  chains: CheckStep[][];
  reporter: Pick<Reporter, "wait" | "clear">;
  /** Aborted when the run must stop; the reason of the signal is the exit code. */
  system: Pick<System, "signal">;
  stdout: Pick<Output, "write">;
  json: boolean;
  quiet: boolean;
  /** Whether the terminal shows more than ASCII. */
  unicode: boolean;
  colors: Colors;
  secrets: string[];
  /** --config and -X of this run, added to each suggested command. */
  flags: string[];
}

/** A finding in the output of --json. */
interface JsonFinding {
  check: string;
  ok: boolean;
  seen?: string;
  warning?: string;
  error?: string;
  reason?: string;
  fix?: string;
  code?: number;
}

/** Runs and prints every chain of checks; returns the exit code of the first fault. */
export async function runCheck(deps: CheckDeps): Promise<number> {
  const lines: JsonFinding[] = [];
  for (const chain of deps.chains) {
    for (const [i, step] of chain.entries()) {
      if (deps.system.signal.aborted) return deps.system.signal.reason as number;
      // A step may take seconds.
      deps.reporter.wait(`checking ${step.name}`);
      const findings = (await runStep(step)).map((finding) => clean(finding, deps));
      lines.push(...findings.map((finding) => lineOf(step.name, finding)));
      if (!deps.json) await print(findings.map((finding) => render(finding, deps)).join(""), deps);
      if (step.isLeaf || !findings.some(({ fault }) => fault)) continue;
      const skipped = chain.slice(i + 1).map(({ name }) => name);
      if (!deps.json && skipped.length > 0 && !deps.quiet) {
        await print(`- not checked: ${skipped.join(", ")}\n`, deps);
      }
      break;
    }
  }
  const code = lines.find(({ ok }) => !ok)?.code ?? EXIT.ok;
  if (deps.json) {
    await print(JSON.stringify({ ok: code === EXIT.ok, checks: lines, code }) + "\n", deps);
  }
  return code;
}

async function print(text: string, { reporter, stdout }: CheckDeps): Promise<void> {
  reporter.clear();
  await stdout.write(text);
}

/** Scrubs each text separately: a secret such as `code` must not break the JSON around it. */
function clean({ seen, warning, fault }: Finding, { secrets, flags }: CheckDeps): Finding {
  const scrubbed = (text: string) => scrub(text, secrets);
  return {
    seen: scrubbed(seen),
    ...(warning && { warning: scrubbed(warning) }),
    ...(fault && {
      fault: new OperationalError(fault.kind, scrubbed(fault.message), {
        reason: fault.reason.map(scrubbed),
        hint: fault.hint.map((line) => scrubbed(withLocationFlags(line, flags))),
      }),
    }),
  };
}

async function runStep(step: CheckStep): Promise<Finding[]> {
  try {
    const found = await step.run();
    return typeof found === "string" ? [{ seen: found }] : [found].flat();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return [{ seen: step.name, fault: error }];
  }
}

function lineOf(check: string, { seen, warning, fault }: Finding): JsonFinding {
  if (!fault) return { check, ok: true, seen, ...(warning && { warning }) };
  return {
    check,
    ok: false,
    error: fault.message,
    ...(fault.reason.length > 0 && { reason: fault.reason.join("\n") }),
    ...(fault.hint.length > 0 && { fix: fault.hint.join("\n") }),
    code: EXIT[fault.kind],
  };
}

function render({ seen, warning, fault }: Finding, { unicode, quiet, colors }: CheckDeps): string {
  const good = colors.green(unicode ? "✓" : "ok  ");
  const fair = colors.yellow(unicode ? "!" : "warn");
  const bad = colors.red(unicode ? "✗" : "FAIL");
  if (!fault) return quiet ? "" : warning ? `${fair} ${warning}\n` : `${good} ${seen}\n`;
  const more = [...fault.reason, ...fault.hint.map((line) => `${colors.bold("fix:")} ${line}`)];
  return [`${bad} ${fault.message}`, ...more.map((line) => `    ${line}`), ""].join("\n");
}
