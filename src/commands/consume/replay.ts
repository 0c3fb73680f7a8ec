import { OperationalError, UsageError } from "../../errors.ts";
import { place, type Range, type Spec } from "../../record/offsets.ts";
import { formatCount } from "../../units.ts";

/** A source that goes back, from where it stands; with `to` null the partition is gone, and all of it goes. */
export interface Rewind {
  source: number;
  from: number;
  /** How many rejects it has, since a retry of them moves no position. */
  rejected: number;
  to: number | null;
}

/** How much a replay deletes. */
export interface Extent {
  rows: number;
  rejects: number;
}

/** What a replay needs of the world. */
export interface ReplayDeps {
  topic: string;
  ranges(): Promise<Map<number, Range>>;
  offsetsAt(ms: number): Promise<Map<number, number>>;
  sources(): Promise<{ id: number; partition: number; nextOffset: number; rejected: number }[]>;
  extent(rewinds: Rewind[]): Promise<Extent>;
  /** In one transaction deletes and goes back, where a source still stands as it was seen; tells how many did. */
  rewind(rewinds: Rewind[]): Promise<number>;
  /** What the person answered; null where there is none to ask. */
  ask(question: string): Promise<string | null>;
  note(line: string): void;
}

const TRIES_MAX = 10;

/**
 * Goes back to `spec`: deletes what was stored from there on, so that it is read again. Safe to repeat, and while others
 * consume: they notice that the position fell and follow.
 */
export async function replay(spec: Spec, yes: boolean, deps: ReplayDeps): Promise<void> {
  for (let tries = 1;; tries++) {
    const rewinds = await findRewinds(spec, deps);
    if (rewinds.length === 0) return deps.note("nothing to replay: nothing was read beyond that");
    const { rows, rejects } = await deps.extent(rewinds);
    const what = `${formatCount(rows)} rows and ${formatCount(rejects)} rejects ` +
      `of topic "${deps.topic}"`;
    if (!yes && tries === 1) await confirm(what, deps);
    if (await deps.rewind(rewinds) === rewinds.length) {
      return deps.note(`went back: deleted ${what}, to be read again`);
    }
    if (tries < TRIES_MAX) continue;
    throw new OperationalError(
      "temporary",
      `cannot go back in topic "${deps.topic}": others read on`,
      {
        hint: "stop the other consumers, then run it again",
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
  const answer = await ask(`this deletes ${what}, and reads them again: go on? [y/N]`);
  if (answer === null) {
    throw new UsageError(`--replay deletes ${what}`, "--yes, where nobody can be asked");
  }
  if (!/^y(es)?$/i.test(answer.trim())) throw new UsageError("not confirmed: nothing was changed");
}
