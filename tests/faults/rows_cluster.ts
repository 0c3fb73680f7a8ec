import { openCluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";

/** Faults that take more than one broker. */
export const clusterRows: Row[] = [
  {
    id: 6,
    fault: "three brokers, restarted one after the other",
    run: async ({ draw, root, say }) => {
      // Brokers of its own; the rest of what a row needs comes with them.
      const cluster = await openCluster({ seed: draw(2 ** 31), root, brokers: 3, say });
      try {
        return await withScene(cluster, async (scenario) => {
          const before = await scenario.settled();
          for (const broker of cluster.kafka.brokers) {
            await broker.stop(draw(2) === 0 ? "SIGTERM" : "SIGKILL");
            await scenario.progress(300);
            await broker.start();
            // Replicas must be in step again before the next one goes.
            await sleep(3_000);
            await scenario.progress(300);
          }
          const during = await scenario.settled() - before;
          await scenario.feed.stop();
          const healedMs = await scenario.caughtUp();
          const what = await scenario.check();
          return `${what}; ${during} settled meanwhile, healed in ${healedMs | 0} ms`;
        });
      } finally {
        await cluster.close();
      }
    },
  },
];
