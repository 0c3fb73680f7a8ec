import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatClock } from "../../units.ts";
import type { Batcher, RecordSender } from "./batcher.ts";

/** A send that takes less time needs no explanation. */
const QUIET_MS = 2_000;
const LOOK_MS = 500;

/** Notes when a send takes long, why, and when it is over, until the signal is aborted; `progress()` is the progress line. */
export async function watchSends(
  batcher: Pick<Batcher, "oldestSend">,
  sender: Pick<RecordSender, "troubleOf">,
  { reporter, system, progress, hasFailed }: {
    reporter: Pick<Reporter, "note" | "progress">;
    system: Pick<System, "clock" | "sleep" | "signal">;
    progress(): string;
    hasFailed(): boolean;
  },
): Promise<void> {
  let noted: { sinceMs: number; hasReason: boolean } | null = null;
  const noteEnd = (nowMs: number) => {
    if (!noted) return;
    reporter.note(`Kafka is back after ${formatClock(nowMs - noted.sinceMs)}`, "resumed");
  };
  const look = (): typeof noted => {
    const oldest = batcher.oldestSend;
    const nowMs = system.clock();
    if (!oldest || nowMs - oldest.sinceMs < QUIET_MS) {
      noteEnd(nowMs);
      return null;
    }
    const why = sender.troubleOf(oldest.partition);
    const text = why
      ? `waiting for Kafka: ${why} (partition ${oldest.partition})`
      : `waiting for Kafka to acknowledge records of partition ${oldest.partition}`;
    // The reason is known only after some attempts.
    if (!noted || (why && !noted.hasReason)) reporter.note(text, "waiting");
    const sinceMs = noted?.sinceMs ?? oldest.sinceMs;
    reporter.progress(`${progress()} · ${text} for ${formatClock(nowMs - sinceMs)}`);
    return { sinceMs, hasReason: why !== null };
  };
  while (true) {
    await system.sleep(LOOK_MS, system.signal);
    if (system.signal.aborted) break;
    noted = look();
  }
  // The run may end before the next look.
  if (!batcher.oldestSend && !hasFailed()) noteEnd(system.clock());
}
