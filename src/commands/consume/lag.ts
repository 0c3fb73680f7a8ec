import type { Run } from "./consume.ts";

const TICK_MS = 1_000;
const REFRESH_TICKS = 5;

/** Until the run ends, keeps the lag of the whole topic current and watches the other members of the group. */
export async function watchTopic(run: Run): Promise<void> {
  const { deps: { system }, owners, done } = run;
  for (let ticks = 1; !done.signal.aborted; ticks++) {
    await system.sleep(TICK_MS, done.signal);
    // While everything left belongs to others, only the refresh shows that the run is done.
    if (done.signal.aborted || (ticks % REFRESH_TICKS > 0 && !owners.isWaiting)) continue;
    await refreshLag(run);
    if (!done.signal.aborted) await owners.look();
  }
}

/** Asks the brokers for the ends and the database for the positions; returns whether both answered. */
export async function refreshLag({ deps: { kafka }, sources, progress }: Run): Promise<boolean> {
  try {
    const [ranges, positions] = await Promise.all([kafka.ranges(), sources.positions()]);
    progress.update(ranges, positions);
    return true;
  } catch {
    // Reading meets the same failure and reports it.
    return false;
  }
}
