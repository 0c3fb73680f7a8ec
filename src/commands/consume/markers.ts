import type { Store } from "../../postgres/store.ts";
import type { KnownSources } from "./known_sources.ts";
import type { Progress } from "./progress.ts";

interface MarkersDeps {
  sources: KnownSources;
  progress: Pick<Progress, "assigned">;
  postgres: Pick<Store, "pass">;
}

/**
 * Moves the positions in the database over the markers and aborted records that were passed since the last step, except in
 * partitions that are `busy`. The next step would do that too, but at the end of a partition there may be none for long.
 */
export async function passMarkers(
  { sources, progress, postgres }: MarkersDeps,
  busy: Set<number>,
): Promise<void> {
  const { assigned } = progress;
  const moves = sources.all.flatMap((row) => {
    const { id: source, partition, nextOffset: from } = row;
    const to = assigned.get(partition) ?? from;
    return to > from && !busy.has(partition) ? [{ row, move: { source, from, to } }] : [];
  });
  if (moves.length === 0) return;
  try {
    const moved = await postgres.pass(moves.map(({ move }) => move));
    for (const [i, { row, move }] of moves.entries()) if (moved[i]) row.nextOffset = move.to;
  } catch {
    // Writing meets the same failure and reports it, and the next call tries again.
  }
}
