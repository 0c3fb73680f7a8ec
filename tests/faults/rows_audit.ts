import type { Cluster } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { heapOf, Meter } from "./meter.ts";
import { Scenario } from "./scenario.ts";

/** No fault: the time and the memory of `routes verify`. */
export const auditRows: Row[] = [
  {
    id: 24,
    fault: "none: `routes verify` over a million records, in a heap of 256 MB",
    run: verify,
  },
];

const COUNTS = [250_000, 1_000_000];
const MS_MAX = 60_000;
/** For any number of records. */
const MEMORY_MAX_MB = 400;

async function verify(cluster: Cluster): Promise<string> {
  const scenario = await Scenario.open(cluster, { partitions: 12 });
  try {
    scenario.env = heapOf(256);
    // Without the proxies, which cost time.
    const set = {
      "kafka.bootstrap_servers": cluster.kafka.bootstrap,
      "postgresql.port": String(cluster.postgres.port),
      "kafka.session_timeout": "45s",
    };
    const run = async (verb: string, args: string[]) => {
      const process = await scenario.start(args, { verb, set });
      const meter = new Meter();
      const began = performance.now();
      const timer = setInterval(() => meter.measure(process.pid), 100);
      const { code } = await process.end(300_000).finally(() => clearInterval(timer));
      if (code !== 0) throw new Error(`${verb} ended with ${code}:\n${process.err}`);
      return { ms: performance.now() - began, mb: meter.peakMb };
    };
    const results: string[] = [];
    let peakMb = 0;
    let sent = 0;
    for (const count of COUNTS) {
      await run("produce", [
        "--count",
        String(count - sent),
        "--invalid",
        "1",
        "--seed",
        `${sent}`,
      ]);
      sent = count;
      const consumed = await run("consume", []);
      const verified = await run("verify", []);
      results.push(
        `${count} records: consumed in ${show(consumed)}, verified in ${show(verified)}`,
      );
      peakMb = Math.max(peakMb, consumed.mb, verified.mb);
      if (verified.ms > MS_MAX) throw new Error(results.join("; "));
    }
    if (peakMb > MEMORY_MAX_MB) {
      throw new Error(`I11 memory grows with the records: ${results.join("; ")}`);
    }
    return results.join("; ");
  } finally {
    await scenario.close();
  }
}

function show({ ms, mb }: { ms: number; mb: number }): string {
  return `${(ms / 1000).toFixed(1)} s (at most ${mb} MB)`;
}
