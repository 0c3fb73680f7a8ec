import { OperationalError } from "../../errors.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { openRewinder, Rewind } from "../../postgres/rewind.ts";
import type { Store } from "../../postgres/store.ts";
import type { Spec } from "../../record/offsets.ts";
import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatMany } from "../../units.ts";
import { confirm } from "./confirm.ts";
import { resolveOffsets } from "./resolve_offsets.ts";

/** What a replay depends on. */
interface ReplayDeps {
  topic: string;
  kafka: Pick<Topic, "ranges" | "offsetsAt">;
  postgres: Pick<Store, "sources"> & ReturnType<typeof openRewinder>;
  reporter: Pick<Reporter, "note">;
  system: Pick<System, "ask">;
}

const TRIES_MAX = 10;

/**
 * Rewinds to `spec`: deletes what was stored from there on, so that it is read again. Safe to repeat, and while other
 * processes consume: they notice the lower position and continue from it.
 */
export async function replay(spec: Spec, yes: boolean, deps: ReplayDeps): Promise<void> {
  const { topic, postgres, reporter, system } = deps;
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const rewinds = await findRewinds(spec, deps);
    if (rewinds.length === 0) {
      return reporter.note("nothing to replay: no record was read after that position");
    }
    const { rows, rejects } = await postgres.extent(rewinds);
    const what = `${formatMany(rows, "row")} and ${formatMany(rejects, "reject")} ` +
      `of topic "${topic}"`;
    if (!yes && tries === 1) {
      await confirm("--replay", `deletes ${what}, and reads them again`, system);
    }
    if (await postgres.rewind(rewinds) === rewinds.length) {
      return reporter.note(`deleted ${what}; reading them again`);
    }
  }
  throw new OperationalError(
    "temporary",
    `cannot replay topic "${topic}": other consumers keep moving its positions`,
    { hint: "stop the other consumers, then run this again" },
  );
}

async function findRewinds(spec: Spec, { kafka, postgres }: ReplayDeps): Promise<Rewind[]> {
  const targets = await resolveOffsets(spec, await kafka.ranges(), kafka);
  return (await postgres.sources()).flatMap(({ id, partition, nextOffset, rejected }): Rewind[] => {
    const to = targets.get(partition) ?? null;
    return to === null || to < nextOffset ? [{ source: id, from: nextOffset, rejected, to }] : [];
  });
}
