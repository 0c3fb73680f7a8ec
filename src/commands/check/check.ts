import type { Finding } from "../../network/certificates.ts";
import { EXIT, OperationalError, withLocationFlags } from "../../errors.ts";
import type { Colors } from "../../terminal/color.ts";
import type { Output, System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { scrub, scrubAnswer } from "../../terminal/scrub.ts";

/** One check; `run` throws an OperationalError when the check fails. */
export interface CheckStep {
  /** In the output of --json. */
  name: string;
  /** For people, as in "checking …". */
  title: string;
  /** No later step depends on it. */
  isLeaf?: boolean;
  /** It is skipped when any chain before its own had a fault. */
  needsAll?: boolean;
  run(): Promise<Finding | Finding[] | string>;
}

/** What `routes check` depends on. */
interface CheckDeps {
  /** Each step depends on those before it: after a failed step the rest of its chain is skipped. */
  chains: CheckStep[][];
  reporter: Pick<Reporter, "wait" | "clear">;
  /** Aborted when the run must stop; the reason of the signal is the exit code. */
  system: Pick<System, "signal" | "isWindows">;
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

/** Runs and prints every chain of checks; returns the exit code of the first fault. */
export async function runCheck(deps: CheckDeps): Promise<number> {
  const { chains, system: { signal }, json } = deps;
  const needsOthers = (chain: CheckStep[]) => chain.some(({ needsAll }) => needsAll);
  // A long line costs each step a wait, so chains run at the same time; they are printed in their order.
  const begun = new Map(
    chains.filter((chain) => !needsOthers(chain)).map((chain) => [chain, runChain(chain, deps)]),
  );
  for (const run of begun.values()) run.catch(() => {});
  const found: NamedFinding[] = [];
  for (const chain of chains) {
    if (needsOthers(chain) && found.some(({ fault }) => fault)) {
      await printSkipped(chain, deps);
      continue;
    }
    const { findings, skipped } = await (begun.get(chain) ?? runChain(chain, deps));
    found.push(...findings);
    if (!json) await print(findings.map((finding) => render(finding, deps)).join(""), deps);
    if (signal.aborted) return signal.reason as number;
    await printSkipped(skipped, deps);
  }
  const fault = found.find(({ fault }) => fault)?.fault;
  const code = fault ? EXIT[fault.kind] : EXIT.ok;
  if (json) {
    await print(JSON.stringify({ ok: !fault, checks: found.map(jsonFinding), code }) + "\n", deps);
  }
  return code;
}

type NamedFinding = Finding & { check: string };

/** Runs the steps of a chain up to the first fault, or until the signal aborts; `skipped` were not run. */
async function runChain(
  chain: CheckStep[],
  deps: CheckDeps,
): Promise<{ findings: NamedFinding[]; skipped: CheckStep[] }> {
  const { reporter, system } = deps;
  const findings: NamedFinding[] = [];
  for (const [i, step] of chain.entries()) {
    if (system.signal.aborted) return { findings, skipped: chain.slice(i) };
    // A step may take seconds.
    reporter.wait(`checking ${step.title}`);
    const seen = (await runStep(step)).map((finding) => clean(finding, deps));
    findings.push(...seen.map((finding) => ({ ...finding, check: step.name })));
    const isFaulty = !step.isLeaf && seen.some(({ fault }) => fault);
    if (isFaulty) return { findings, skipped: chain.slice(i + 1) };
  }
  return { findings, skipped: [] };
}

async function printSkipped(steps: CheckStep[], deps: CheckDeps): Promise<void> {
  if (deps.json || deps.quiet || steps.length === 0) return;
  await print(`- not checked: ${steps.map(({ title }) => title).join(", ")}\n`, deps);
}

async function print(text: string, { reporter, stdout }: CheckDeps): Promise<void> {
  reporter.clear();
  await stdout.write(text);
}

/** Scrubs each text separately: a secret such as `code` must not break the JSON around it. */
function clean(
  { seen, warning, fault, lines, data }: Finding,
  { secrets, flags, system: { isWindows } }: CheckDeps,
): Finding {
  const scrubbed = (text: string) => scrub(text, secrets);
  return {
    seen: scrubbed(seen),
    ...(lines && { lines: lines.map(scrubbed) }),
    ...(data && { data }),
    ...(warning && { warning: scrubbed(warning) }),
    ...(fault && {
      fault: new OperationalError(fault.kind, scrubbed(fault.message), {
        reason: fault.reason.map((line) => scrubAnswer(line, secrets)),
        hint: fault.hint.map((line) => scrubbed(withLocationFlags(line, flags, isWindows))),
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

/** A finding in the output of --json. */
function jsonFinding({ check, seen, warning, fault, data }: NamedFinding) {
  if (!fault) return { check, ok: true, seen, ...(warning && { warning }), ...data };
  const { message, reason, hint, kind } = fault;
  return {
    check,
    ok: false,
    error: message,
    ...(reason.length > 0 && { reason: reason.join("\n") }),
    ...(hint.length > 0 && { fix: hint.join("\n") }),
    code: EXIT[kind],
    ...data,
  };
}

function render(finding: Finding, { unicode, quiet, colors }: CheckDeps): string {
  const { seen, warning, fault, lines = [] } = finding;
  const below = lines.map((line) => `    ${line}\n`).join("");
  const good = colors.green(unicode ? "✓" : "ok  ");
  const fair = colors.yellow(unicode ? "!" : "warn");
  const bad = colors.red(unicode ? "✗" : "FAIL");
  if (!fault && quiet) return "";
  if (!fault) return (warning ? `${fair} ${warning}\n` : `${good} ${seen}\n`) + below;
  const more = [...fault.reason, ...fault.hint.map((line) => `${colors.bold("fix:")} ${line}`)];
  return [`${bad} ${fault.message}`, ...more.map((line) => `    ${line}`), ""].join("\n") + below;
}
