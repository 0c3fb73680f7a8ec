import type { CheckStep } from "./check.ts";
import type { TlsFiles } from "../../settings/reader.ts";
import { daysLeft, type Finding, inspectFiles, WARN_DAYS } from "../../network/certificates.ts";
import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { withExplanation } from "../context.ts";
import { formatMany } from "../../units.ts";

/** What every step uses. */
export interface CheckContext {
  system: System;
  reporter: Reporter;
  /** Limit of each wait, in milliseconds. */
  timeoutMs: number;
  /** Called after the last step. */
  cleanups: (() => Promise<unknown>)[];
}

/** A step of one service; "leaf": no later step depends on it. */
export type StepDefinition<State> = [
  name: string,
  title: string,
  run: (state: State) => ReturnType<CheckStep["run"]>,
  isNeeded: boolean,
  leaf?: "leaf",
];

/** The needed steps of one service; `explain` turns an error of its client into an OperationalError. */
export function checkSteps<State>(
  definitions: StepDefinition<State>[],
  { section, state, explain }: {
    section: string;
    state: State;
    explain: (error: unknown) => Error;
  },
): CheckStep[] {
  return definitions.filter(([, , , isNeeded]) => isNeeded).map(([name, title, run, , leaf]) => ({
    name: `${section}.${name}`,
    title,
    isLeaf: leaf === "leaf",
    run: () => withExplanation(explain, run(state)),
  }));
}

/** Findings about the TLS files of a service. */
export function checkFiles(
  section: "kafka" | "postgresql",
  tls: TlsFiles,
  { system }: CheckContext,
): Promise<Finding[]> {
  const service = { kafka: "Kafka", postgresql: "PostgreSQL" }[section];
  const findings = inspectFiles(section, tls, system);
  return Promise.resolve(findings.map((one) => ({ ...one, seen: `${service}: ${one.seen}` })));
}

/** Finding about the certificate that the service presented. */
export function describeCertificate(
  where: string,
  { protocol, name, validTo }: { protocol: string; name: string; validTo: number },
  { isNameChecked, now }: { isNameChecked: boolean; now: number },
): Finding {
  const days = daysLeft(validTo, now);
  // An older runtime forgets the certificate of a connection that has ended.
  const certificate = Number.isNaN(days)
    ? "certificate verified"
    : `certificate of "${name}" verified, ${formatMany(days, "day")} left`;
  const seen = `${where}: ${protocol}, ${certificate}`;
  if (!isNameChecked) return { seen, warning: `${seen}, but the host name is not checked` };
  return days < WARN_DAYS ? { seen, warning: seen } : { seen };
}

/** The text for a port that accepted a connection; `address`: null when no name was resolved. */
export function describePort(where: string, address: string | null): string {
  return `${where}: ${address ? `${address}, ` : ""}port open`;
}
