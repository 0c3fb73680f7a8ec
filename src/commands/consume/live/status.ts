import { describeMember } from "../../group_members.ts";
import type { Run } from "../consume.ts";
import type { Wait } from "../waits.ts";

/** What a page shows of a run; times in seconds since 1970. */
export interface Status {
  counts: {
    read: number;
    stored: number;
    rejected: number;
    tombstones: number;
    /** Rejects by code. */
    reasons: Record<string, number>;
    settledAt: number;
  };
  lag: {
    /** Null: unknown. */
    total: number | null;
    partitions: { partition: number; lag: number | null; owner: string | null }[];
  };
  wait: { reason: Wait["reason"] | "members"; text: string; since: number } | null;
}

/** The owner of a partition of this process. */
const OWN = "this process";

/** The state of a run for a page. */
export function statusOf(run: Run): Status {
  const { deps: { system }, stats, progress, owners, waits } = run;
  const { settledMs, waitingMs, isProven: _, ...counts } = stats.health();
  // The page gets what changes, so a time must not differ because it was computed again.
  const at = (clock: number) => Math.round((system.now() - system.clock() + clock) / 1000);
  const { assigned } = progress;
  const { current } = waits;
  const blocked = owners.isBlocked && !current
    ? {
      reason: "members" as const,
      text: "other members of the group",
      since: at(system.clock() - waitingMs),
    }
    : null;
  return {
    counts: { ...counts, settledAt: at(system.clock() - settledMs) },
    lag: {
      total: progress.lag,
      partitions: [...progress.lags].sort(([a], [b]) => a - b).map(([partition, lag]) => {
        const owner = owners.members.find(({ partitions }) => partitions.includes(partition));
        return {
          partition,
          lag,
          owner: assigned.has(partition) ? OWN : owner ? describeMember(owner) : null,
        };
      }),
    },
    wait: current
      ? { reason: current.reason, text: current.text, since: at(current.since) }
      : blocked,
  };
}

/** The partition of a source; null: not known. */
export function partitionOf({ sources }: Run, source: number): number | null {
  return sources.all.find(({ id }) => id === source)?.partition ?? null;
}
