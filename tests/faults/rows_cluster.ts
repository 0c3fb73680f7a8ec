import { openArena, sleep } from "./arena.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";

/** Faults that take more than one broker. */
export const clusterRows: Row[] = [
  {
    id: 6,
    fault: "three brokers, restarted one after the other",
    run: async ({ draw, root, say }) => {
      // Brokers of its own; the rest of what a row needs comes with them.
      const arena = await openArena({ seed: draw(2 ** 31), root, brokers: 3, say });
      try {
        return await withScene(arena, async (scene) => {
          const before = await scene.settled();
          for (const broker of arena.kafka.brokers) {
            await broker.stop(draw(2) === 0 ? "SIGTERM" : "SIGKILL");
            await scene.progress(300);
            await broker.start();
            // Replicas must be in step again before the next one goes.
            await sleep(3_000);
            await scene.progress(300);
          }
          const during = await scene.settled() - before;
          await scene.feed.stop();
          const healedMs = await scene.caughtUp();
          const what = await scene.check();
          return `${what}; ${during} settled meanwhile, healed in ${healedMs | 0} ms`;
        });
      } finally {
        await arena.close();
      }
    },
  },
];
