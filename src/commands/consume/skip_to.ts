import { OperationalError } from "../../errors.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { Store } from "../../postgres/store.ts";
import { holds, type Spec } from "../../record/offsets.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { resolveOffsets } from "./resolve_offsets.ts";

/** What skipping depends on. */
interface SkipDeps {
  topic: string;
  kafka: Pick<Topic, "ranges" | "offsetsAt">;
  postgres: Pick<Store, "sources" | "addSources" | "skip">;
  reporter: Pick<Reporter, "note">;
}

const TRIES_MAX = 10;

/**
 * Moves every position that is before `spec` forward to it, without reading what lies between: each range is recorded
 * as lost. Safe to repeat, and while other processes consume: they continue from the new position.
 */
export async function skipTo(spec: Spec, { topic, kafka, postgres, reporter }: SkipDeps) {
  const ranges = await kafka.ranges();
  const targets = await resolveOffsets(spec, ranges, kafka);
  const known = new Set((await postgres.sources()).map(({ partition }) => partition));
  const unread = [...ranges].filter(([partition]) => !known.has(partition));
  await postgres.addSources(new Map(unread.map(([partition, { low }]) => [partition, low])));
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const behind = (await postgres.sources()).flatMap(({ id, partition, nextOffset }) => {
      const [to, range] = [targets.get(partition), ranges.get(partition)];
      // A position that the log does not contain is a contradiction, which the run itself reports.
      return to !== undefined && nextOffset < to && holds(range!, nextOffset)
        ? [{ id, partition, nextOffset, to }]
        : [];
    });
    if (behind.length === 0) {
      if (tries === 1) reporter.note("nothing to skip: every position is there or further on");
      return;
    }
    for (const { id, partition, nextOffset, to } of behind) {
      if (!await postgres.skip(id, nextOffset, to, "skipped with --skip-to")) continue;
      const text = `skipped offsets ${nextOffset} to ${to - 1} of partition ${partition}`;
      reporter.note(`${text}, as routes_losses says`, "loss_accepted");
    }
  }
  throw new OperationalError(
    "temporary",
    `cannot skip in topic "${topic}": other consumers keep moving its positions`,
    { hint: "stop the other consumers, then run this again" },
  );
}
