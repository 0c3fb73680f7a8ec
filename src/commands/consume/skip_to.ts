import { OperationalError } from "../../errors.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { Store } from "../../postgres/store.ts";
import { holds, type Spec } from "../../record/offsets.ts";
import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatMany } from "../../units.ts";
import { confirm } from "./confirm.ts";
import { resolveOffsets } from "./resolve_offsets.ts";

/** What skipping depends on. */
interface SkipDeps {
  topic: string;
  kafka: Pick<Topic, "ranges" | "offsetsAt">;
  postgres: Pick<Store, "sources" | "addSources" | "skip">;
  reporter: Pick<Reporter, "note">;
  system: Pick<System, "ask">;
}

const TRIES_MAX = 10;

/**
 * Moves every position that is before `spec` forward to it, without reading what lies between: each range is recorded
 * as lost. Safe to repeat, and while other processes consume: they continue from the new position.
 */
export async function skipTo(
  spec: Spec,
  yes: boolean,
  { topic, kafka, postgres, reporter, system }: SkipDeps,
): Promise<void> {
  const ranges = await kafka.ranges();
  const targets = await resolveOffsets(spec, ranges, kafka);
  const positions = new Map(
    (await postgres.sources()).map(({ partition, nextOffset }) => [partition, nextOffset]),
  );
  // A position that the log does not contain is a contradiction, which the run itself reports.
  const isBehind = (partition: number, nextOffset: number) =>
    nextOffset < (targets.get(partition) ?? 0) && holds(ranges.get(partition)!, nextOffset);
  const unread = new Map(
    [...ranges].filter(([partition]) => !positions.has(partition))
      .map(([partition, { low }]) => [partition, low]),
  );
  const left = [...positions, ...unread].filter((place) => isBehind(...place))
    .reduce((sum, [partition, nextOffset]) => sum + targets.get(partition)! - nextOffset, 0);
  if (left > 0 && !yes) {
    const what = `leaves ${formatMany(left, "record")} of topic "${topic}" out, as lost`;
    await confirm("--skip-to", what, system);
  }
  await postgres.addSources(unread);
  for (let tries = 1; tries <= TRIES_MAX; tries++) {
    const behind = (await postgres.sources())
      .filter(({ partition, nextOffset }) => isBehind(partition, nextOffset))
      .map((source) => ({ ...source, to: targets.get(source.partition)! }));
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
