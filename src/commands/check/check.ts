import type { Finding } from "../../network/certificates.ts";
import { EXIT, OperationalError, withLocationFlags } from "../../errors.ts";
import type { Colors } from "../../terminal/color.ts";
import { scrub } from "../../terminal/scrub.ts";

export type { Finding };

/** One thing to look at; throws where it is not as it must be. */
export interface CheckStep {
  name: string;
  /** Nothing builds on it. */
  isLeaf?: boolean;
  look(): Promise<Finding | Finding[] | string>;
}

/** What checking needs of the world. */
export interface CheckDeps {
  /** Hops that build on each other: after one at fault the rest of its chain is not looked at. */
  chains: CheckStep[][];
  out(text: string): Promise<void>;
  /** Told of each hop before it is looked at, which may take a while. */
  looking(name: string): void;
  json: boolean;
  quiet: boolean;
  /** Whether what reads the output knows more than ASCII. */
  unicode: boolean;
  colors: Colors;
  secrets: string[];
  /** Say what is looked at; they belong to every command that mends. */
  flags: string[];
  /** Ends when no more is to be looked at; its reason is the exit code then. */
  signal: AbortSignal;
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
    for (const [i, hop] of chain.entries()) {
      if (deps.signal.aborted) return deps.signal.reason as number;
      deps.looking(hop.name);
      const findings = (await look(hop)).map((finding) => clean(finding, deps));
      lines.push(...findings.map((finding) => lineOf(hop.name, finding)));
      if (!deps.json) await deps.out(findings.map((finding) => render(finding, deps)).join(""));
      if (hop.isLeaf || !findings.some(({ fault }) => fault)) continue;
      const unseen = chain.slice(i + 1).map(({ name }) => name);
      if (!deps.json && unseen.length > 0 && !deps.quiet) {
        await deps.out(`- not looked at: ${unseen.join(", ")}\n`);
      }
      break;
    }
  }
  const code = lines.find(({ ok }) => !ok)?.code ?? EXIT.ok;
  if (deps.json) {
    await deps.out(JSON.stringify({ ok: code === EXIT.ok, checks: lines, code }) + "\n");
  }
  return code;
}

/** Each text by itself: a secret such as `code` must not tear the JSON around it. */
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

async function look(hop: CheckStep): Promise<Finding[]> {
  try {
    const found = await hop.look();
    return typeof found === "string" ? [{ seen: found }] : [found].flat();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
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
