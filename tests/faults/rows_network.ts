import { type Arena, sleep } from "./arena.ts";
import type { Row } from "./matrix.ts";
import type { Proxy, Toxics } from "./proxy.ts";
import { withScene } from "./rows_processes.ts";

/** Faults of the network. */
export const networkRows: Row[] = [
  {
    id: 9,
    fault: "latency, slices, little bandwidth, resets and black holes on either side",
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

async function toxics(arena: Arena): Promise<string> {
  return await withScene(arena, async (scene) => {
    const before = await scene.settled();
    const recovered: string[] = [];
    for (const side of ["toPostgres", "toKafka"] as const) {
      for (const [name, toxics, ms] of TOXICS) {
        await poison(arena[side], toxics, ms);
        const began = performance.now();
        await scene.progress(200, 90_000);
        recovered.push(
          `${name} ${side === "toKafka" ? "to Kafka" : "to PostgreSQL"} ${
            ((performance.now() - began) / 1000).toFixed(1)
          } s`,
        );
      }
    }
    for (const side of ["toPostgres", "toKafka"] as const) {
      arena[side].strand();
      const began = performance.now();
      await scene.progress(scene.partitions * 300, 120_000);
      recovered.push(
        `dead connections (${side}) ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
    }
    const during = await scene.settled() - before;
    await scene.feed.stop();
    await scene.caughtUp();
    const what = await scene.check();
    return `${what}; ${during} settled meanwhile; back after ${recovered.join(", ")}`;
  }, {
    perSecond: 300,
    args: ["--follow", "--timeout", "5s"],
    set: { "postgresql.statement_timeout": "5s" },
  });
}

async function poison(proxy: Proxy, toxics: Toxics, ms: number): Promise<void> {
  proxy.up = proxy.down = toxics;
  try {
    await sleep(ms);
  } finally {
    proxy.up = proxy.down = {};
  }
}
