import type { Finding } from "../credentials.ts";
import { EXIT, Operation, scrub } from "../failure.ts";

export type { Finding };

/** One thing to look at; throws where it is not as it must be. */
export interface Hop {
  /** In --json only. */
  name: string;
  look(): Promise<Finding | Finding[] | string>;
}

/** What checking needs of the world. */
export interface CheckDeps {
  /** Hops that build on each other: after one at fault the rest of its chain is not looked at. */
  chains: Hop[][];
  out(text: string): Promise<void>;
  json: boolean;
  quiet: boolean;
  /** Whether what reads the output knows more than ASCII. */
  unicode: boolean;
  secrets: string[];
}

/** What --json shows of a finding. */
interface Line {
  check: string;
  ok: boolean;
  seen?: string;
  warning?: string;
  error?: string;
  reason?: string;
  fix?: string;
  code?: number;
}

/** Walks every chain, shows what it sees; returns the exit code of the first fault. */
export async function runCheck(deps: CheckDeps): Promise<number> {
  const lines: Line[] = [];
  for (const chain of deps.chains) {
    for (const hop of chain) {
      const findings = await look(hop);
      for (const finding of findings) {
        lines.push(lineOf(hop.name, finding));
        if (!deps.json) await deps.out(scrub(render(finding, deps), deps.secrets));
      }
      if (findings.some(({ fault }) => fault)) break;
    }
  }
  const code = lines.find(({ ok }) => !ok)?.code ?? EXIT.ok;
  if (deps.json) {
    const summary = JSON.stringify({ ok: code === EXIT.ok, checks: lines, code });
    await deps.out(scrub(summary, deps.secrets) + "\n");
  }
  return code;
}

async function look(hop: Hop): Promise<Finding[]> {
  try {
    const found = await hop.look();
    return typeof found === "string" ? [{ seen: found }] : [found].flat();
  } catch (error) {
    if (!(error instanceof Operation)) throw error;
    return [{ seen: hop.name, fault: error }];
  }
}

function lineOf(check: string, { seen, warning, fault }: Finding): Line {
  if (!fault) return { check, ok: true, seen, ...(warning && { warning }) };
  return {
    check,
    ok: false,
    error: fault.message,
    ...(fault.reason.length > 0 && { reason: fault.reason.join("\n") }),
    ...(fault.fix.length > 0 && { fix: fault.fix.join("\n") }),
    code: EXIT[fault.kind],
  };
}

function render({ seen, warning, fault }: Finding, { unicode, quiet }: CheckDeps): string {
  const [good, fair, bad] = unicode ? ["✓", "!", "✗"] : ["ok  ", "warn", "FAIL"];
  if (!fault) return quiet ? "" : warning ? `${fair} ${warning}\n` : `${good} ${seen}\n`;
  const more = [...fault.reason, ...fault.fix.map((line) => `fix: ${line}`)];
  return [`${bad} ${fault.message}`, ...more.map((line) => `    ${line}`), ""].join("\n");
}
