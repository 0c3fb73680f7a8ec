import { fullMessage } from "../../errors.ts";
import type { Run } from "./consume.ts";
import type { Waits } from "./waits.ts";

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
export async function refreshLag({ deps, sources, progress, waits }: Run): Promise<boolean> {
  const { kafka, postgres } = deps;
  const [ranges, positions] = await Promise.all([
    askedOf(waits, "kafka", kafka.ranges(), kafka.explain),
    askedOf(waits, "postgresql", sources.positions(), postgres.explain),
  ]);
  if (ranges === null || positions === null) return false;
  progress.update(ranges, positions);
  return true;
}

/** The answer; null after a failure: reading meets the same one and handles it. */
async function askedOf<T>(
  waits: Waits,
  service: "kafka" | "postgresql",
  question: Promise<T>,
  explain: (error: unknown) => Error,
): Promise<T | null> {
  try {
    const answer = await question;
    waits.asked(service, null);
    return answer;
  } catch (error) {
    waits.asked(service, fullMessage(explain(error)));
    return null;
  }
}
