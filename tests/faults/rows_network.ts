import { type Cluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import type { Proxy, Toxics } from "./proxy.ts";
import { withScenario } from "./with_scenario.ts";

/** Faults of the network. */
export const networkRows: Row[] = [
  {
    id: 9,
    fault: "latency, slices, low bandwidth, resets and black holes on either side",
    run: toxics,
  },
];

const TOXICS: [name: string, toxics: Toxics, ms: number][] = [
  ["latency 500 ms", { latencyMs: 500 }, 4_000],
  ["one-byte slices", { sliceBytes: 1 }, 2_000],
  ["64 kB/s", { bytesPerSecond: 65_536 }, 4_000],
  ["resets", { limitBytes: 50_000 }, 3_000],
  ["a black hole of 120 s", { blackHole: true }, 120_000],
];

async function toxics(cluster: Cluster): Promise<string> {
  return await withScenario(cluster, async (scenario) => {
    const before = await scenario.settled();
    const recovered: string[] = [];
    for (const side of ["toPostgres", "toKafka"] as const) {
      for (const [name, toxics, ms] of TOXICS) {
        await apply(cluster[side], toxics, ms);
        const began = performance.now();
        await scenario.progress(200, 90_000);
        recovered.push(
          `${name} ${side === "toKafka" ? "to Kafka" : "to PostgreSQL"} ${
            ((performance.now() - began) / 1000).toFixed(1)
          } s`,
        );
      }
    }
    for (const side of ["toPostgres", "toKafka"] as const) {
      cluster[side].dropOpen();
      const began = performance.now();
      await scenario.progress(scenario.partitions * 300, 120_000);
      recovered.push(
        `dropped connections (${side}) ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
    }
    const during = await scenario.settled() - before;
    await scenario.feed.stop();
    await scenario.catchUp();
    const what = await scenario.check();
    return `${what}; ${during} settled meanwhile; recovered after ${recovered.join(", ")}`;
  }, {
    perSecond: 300,
    args: ["--follow", "--timeout", "5s"],
    set: { "postgresql.statement_timeout": "5s" },
  });
}

async function apply(proxy: Proxy, toxics: Toxics, ms: number): Promise<void> {
  proxy.up = proxy.down = toxics;
  try {
    await sleep(ms);
  } finally {
    proxy.up = proxy.down = {};
  }
}
