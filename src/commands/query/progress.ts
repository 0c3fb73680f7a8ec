import type { Output, System } from "../../system.ts";
import { withWrite } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import { formatClock } from "../../units.ts";

/** What the progress of an answer needs. */
interface ProgressDeps {
  reporter: Pick<Reporter, "progress">;
  system: Pick<System, "clock" | "sleep">;
}

const EVERY_MS = 1_000;

/**
 * Shows until `over` how long the answer has taken, and how much of it is in the file or pipe; rows on a terminal speak for
 * themselves. Returns the output that it measures.
 */
export function showProgress(
  stdout: Output,
  { reporter, system }: ProgressDeps,
  over: AbortSignal,
): Output {
  let written = 0;
  const startedAt = system.clock();
  const show = async () => {
    while (!over.aborted) {
      await system.sleep(EVERY_MS, over);
      if (over.aborted || (written > 0 && stdout.columns !== null)) return;
      const time = formatClock(system.clock() - startedAt);
      const what = written === 0 ? "waiting for PostgreSQL" : `${(written / 1e6).toFixed(1)} MB`;
      // Where it is not redrawn, it is written after five seconds, and then once a minute.
      reporter.progress(`${what} · ${time}`, "answering");
    }
  };
  void show();
  return withWrite(stdout, async (data) => {
    await stdout.write(data);
    written += data.length;
  });
}
