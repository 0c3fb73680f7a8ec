import { openCluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withScenario } from "./with_scenario.ts";

/** Faults that need more than one broker. */
export const clusterRows: Row[] = [
  {
    id: 6,
    fault: "three brokers, restarted one after the other",
    run: async ({ draw, root, say }) => {
      // The shared cluster has one broker only.
      const cluster = await openCluster({ seed: draw(2 ** 31), root, brokers: 3, say });
      try {
        return await withScenario(cluster, async (scenario) => {
          const before = await scenario.settled();
          for (const broker of cluster.kafka.brokers) {
            await broker.stop(draw(2) === 0 ? "SIGTERM" : "SIGKILL");
            await scenario.progress(300);
            await broker.start();
            // The replicas must catch up before the next broker stops.
            await sleep(3_000);
            await scenario.progress(300);
          }
          const during = await scenario.settled() - before;
          await scenario.feed.stop();
          const recoveredMs = await scenario.catchUp();
          const what = await scenario.check();
          return `${what}; ${during} settled meanwhile, recovered in ${recoveredMs | 0} ms`;
        });
      } finally {
        await cluster.close();
      }
    },
  },
];
