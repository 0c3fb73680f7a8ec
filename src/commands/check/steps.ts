import type { CheckStep, Finding } from "./check.ts";
import type { TlsFiles } from "../../settings/reader.ts";
import { daysLeft, inspectFiles, WARN_DAYS } from "../../network/certificates.ts";
import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { withExplanation } from "../context.ts";

/** What hops look with. */
export interface Surroundings {
  system: System;
  reporter: Reporter;
  /** Limit of each wait. */
  timeoutMs: number;
  /** What is to be closed in the end. */
  closing: (() => Promise<unknown>)[];
}

/** A hop by its name, how it looks, whether the command needs it, and whether others build on it. */
export type Look<Walk> = [
  name: string,
  look: (walk: Walk) => ReturnType<CheckStep["look"]>,
  isDue: boolean,
  standing?: "leaf",
];

/** The hops of one service that are due, their failures in words. */
export function checkSteps<Walk>(
  looks: Look<Walk>[],
  { section, walk, explain }: {
    section: string;
    walk: Walk;
    explain: (error: unknown) => Error;
  },
): CheckStep[] {
  return looks.filter(([, , isDue]) => isDue).map(([name, look, , standing]) => ({
    name: `${section}.${name}`,
    isLeaf: standing === "leaf",
    look: () => withExplanation(explain, look(walk)),
  }));
}

/** What was seen of the files of a service. */
export function tellFiles(
  section: "kafka" | "postgresql",
  tls: TlsFiles,
  { system }: Surroundings,
): Promise<Finding[]> {
  const service = { kafka: "Kafka", postgresql: "PostgreSQL" }[section];
  const findings = inspectFiles(section, tls, system);
  return Promise.resolve(findings.map((one) => ({ ...one, seen: `${service}: ${one.seen}` })));
}

/** What was seen of a certificate in a handshake. */
export function tellTls(
  where: string,
  { protocol, name, validTo }: { protocol: string; name: string; validTo: number },
  { isNameChecked, now }: { isNameChecked: boolean; now: number },
): Finding {
  const days = daysLeft(validTo, now);
  const seen = `${where}: ${protocol}, certificate of "${name}" verified, ${days} days left`;
  if (!isNameChecked) return { seen, warning: `${seen}, but its name is not checked` };
  return days < WARN_DAYS ? { seen, warning: seen } : { seen };
}

/** What was seen of a name and a port. */
export function tellReached(where: string, address: string | null): string {
  return `${where}: ${address ? `${address}, ` : ""}port open`;
}
