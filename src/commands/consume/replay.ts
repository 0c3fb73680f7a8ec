import { OperationalError, UsageError } from "../../errors.ts";
import type { Rewind } from "../../postgres/rewind.ts";
import type { Source } from "../../postgres/store.ts";
import { place, type Range, type Spec } from "../../record/offsets.ts";
import { formatCount } from "../../units.ts";

/** How much a replay deletes. */
export interface DeletedCounts {
  rows: number;
  rejects: number;
}

/** What a replay depends on. */
export interface ReplayDeps {
  topic: string;
  ranges(): Promise<Map<number, Range>>;
  offsetsAt(ms: number): Promise<Map<number, number>>;
  sources(): Promise<Pick<Source, "id" | "partition" | "nextOffset" | "rejected">[]>;
  extent(rewinds: Rewind[]): Promise<DeletedCounts>;
  /** In one transaction deletes and rewinds the sources that have not changed since; returns how many were rewound. */
  rewind(rewinds: Rewind[]): Promise<number>;
  /** The answer of the user; null without a terminal. */
  ask(question: string): Promise<string | null>;
  note(line: string): void;
}

const TRIES_MAX = 10;

/**
 * Rewinds to `spec`: deletes what was stored from there on, so that it is read again. Safe to repeat, and while other
 * processes consume: they notice the lower position and continue from it.
 */
export async function replay(spec: Spec, yes: boolean, deps: ReplayDeps): Promise<void> {
  for (let tries = 1;; tries++) {
    const rewinds = await findRewinds(spec, deps);
    if (rewinds.length === 0) {
      return deps.note("nothing to replay: no record was read after that position");
    }
    const { rows, rejects } = await deps.extent(rewinds);
    const what = `${formatCount(rows)} rows and ${formatCount(rejects)} rejects ` +
      `of topic "${deps.topic}"`;
    if (!yes && tries === 1) await confirm(what, deps);
    if (await deps.rewind(rewinds) === rewinds.length) {
      return deps.note(`deleted ${what}; reading them again`);
    }
    if (tries < TRIES_MAX) continue;
    throw new OperationalError(
      "temporary",
      `cannot replay topic "${deps.topic}": other consumers keep moving its positions`,
      {
        hint: "stop the other consumers, then run this again",
      },
    );
  }
}

async function findRewinds(spec: Spec, deps: ReplayDeps): Promise<Rewind[]> {
  const ranges = await deps.ranges();
  const times = spec.at === "time" ? await deps.offsetsAt(spec.ms) : null;
  return (await deps.sources()).flatMap(({ id, partition, nextOffset, rejected }): Rewind[] => {
    const range = ranges.get(partition);
    if (!range) return [{ source: id, from: nextOffset, rejected, to: null }];
    const to = place(spec, range, times?.get(partition));
    return to < nextOffset ? [{ source: id, from: nextOffset, rejected, to }] : [];
  });
}

async function confirm(what: string, { ask }: ReplayDeps): Promise<void> {
  const answer = await ask(`this deletes ${what}, and reads them again: continue? [y/N]`);
  if (answer === null) {
    throw new UsageError(`--replay deletes ${what}`, "--yes, to confirm without a terminal");
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError("not confirmed: nothing was changed");
}
