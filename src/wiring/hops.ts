import type { Finding, Hop } from "../commands/check.ts";
import type { TlsFiles } from "../config/reader.ts";
import { daysLeft, inspectFiles, WARN_DAYS } from "../credentials.ts";
import type { World } from "../world.ts";
import type { Talk } from "../talk.ts";
import { explained } from "./bench.ts";

/** What hops look with. */
export interface Surroundings {
  world: World;
  talk: Talk;
  /** Limit of each wait. */
  timeoutMs: number;
  /** What is to be closed in the end. */
  closing: (() => Promise<unknown>)[];
}

/** A hop by its name, how it looks, whether the command needs it, and whether others build on it. */
export type Look<Walk> = [
  name: string,
  look: (walk: Walk) => ReturnType<Hop["look"]>,
  isDue: boolean,
  standing?: "leaf",
];

/** The hops of one service that are due, their failures in words. */
export function hopsOf<Walk>(
  looks: Look<Walk>[],
  { section, walk, explain }: {
    section: string;
    walk: Walk;
    explain: (error: unknown) => Error;
  },
): Hop[] {
  return looks.filter(([, , isDue]) => isDue).map(([name, look, , standing]) => ({
    name: `${section}.${name}`,
    isLeaf: standing === "leaf",
    look: () => explained(explain, look(walk)),
  }));
}

/** What was seen of the files of a service. */
export function tellFiles(
  section: "kafka" | "postgresql",
  tls: TlsFiles,
  { world }: Surroundings,
): Promise<Finding[]> {
  const service = { kafka: "Kafka", postgresql: "PostgreSQL" }[section];
  const findings = inspectFiles(section, tls, world);
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
