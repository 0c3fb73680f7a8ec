import { sendCompressed } from "../support/kafka.ts";
import type { Cluster } from "./cluster.ts";
import type { Row as Record } from "./checker.ts";
import type { Row } from "./matrix.ts";
import { heapOf, Meter } from "./meter.ts";
import { Scenario, SESSION_MS } from "./scenario.ts";

/** Large records, compressed batches, slow statements. */
export const heavyRows: Row[] = [
  {
    id: 21,
    fault:
      "values of 1 and 100 MB, every codec, a gzip bomb, statements longer than the session time-out",
    run: async (cluster) => {
      const results = [
        await slowStatements(cluster),
        await hugeValues(cluster),
        await codecs(cluster),
        await gzipBomb(cluster),
      ];
      return results.join("; ");
    },
  },
];

const MB = 1_000_000;
/** A value of 100 MB is in memory several times: as received, as text, and as text of the statement. */
const CEILING_MB = 1_500;
/** The program itself, and batches that are unpacked piece by piece. */
const BOMB_CEILING_MB = 400;

const pad = (size: number) => (k: number) =>
  `{"userID":1,"timestamp":${k}.5,"coordinates":[1,2],"pad":"${"x".repeat(size)}"}`;
/** Larger than a record may be, and still read as a whole; the checker does not have this rule. */
const refused = (row: Record) => "pad" in row && String(row.pad).length > 1_048_000;

/** Every statement takes longer than the session timeout, and still no process may lose its membership. */
async function slowStatements(cluster: Cluster): Promise<string> {
  return await withLargeRecords(cluster, 4 * MB, async (scenario) => {
    const { partitions } = scenario;
    await scenario.feed.send(10, { partitions, batch: 1, make: pad(MB) });
    await scenario.feed.send(5, { partitions, batch: 1, make: pad(2 * MB) });
    await scenario.sql.unsafe(`
      create function ${scenario.name}.faults_sleep() returns trigger language plpgsql as $$ begin
        perform pg_sleep(${SESSION_MS / 1000 + 2});
        return null;
      end $$;
      create trigger faults_sleep after update on ${scenario.name}.routes_sources
        for each statement execute function ${scenario.name}.faults_sleep()`);
    for (let i = 0; i < 2; i++) await scenario.start();
    await scenario.waitForMembers(2);
    const members = await scenario.members();
    await scenario.catchUp(180_000);
    if (await scenario.members() !== members) throw new Error("a process lost its membership");
    return `${await scenario.check()}, same group members`;
  });
}

async function hugeValues(cluster: Cluster): Promise<string> {
  return await withLargeRecords(cluster, 104 * MB, async (scenario) => {
    const { partitions } = scenario;
    await scenario.feed.send(500, { partitions, batch: 100 });
    await scenario.feed.send(2, { partitions, batch: 1, make: pad(100 * MB) });
    await scenario.feed.send(500, { partitions, batch: 100 });
    const largest = scenario.feed.acked.reduce((size, { length }) => Math.max(size, length), 0);
    if (largest < 100 * MB) {
      throw new Error("the broker accepted no value of 100 MB: nothing was tested");
    }
    scenario.env = heapOf(1_024);
    const process = await scenario.start();
    const meter = new Meter();
    await scenario.catchUp(180_000);
    const { peakMb } = meter.measure(process.pid);
    const what = await scenario.check();
    if (peakMb > CEILING_MB) throw new Error(`I11 values of 100 MB took ${peakMb} MB`);
    return `100 MB: ${what}, at most ${peakMb} MB with a heap of 1 GB`;
  });
}

/** Batches of Kafka's own producer, in every codec. */
async function codecs(cluster: Cluster): Promise<string> {
  const { kafka: { classpath, bootstrap } } = cluster;
  return await withLargeRecords(cluster, MB, async (scenario) => {
    const names = ["gzip", "snappy", "lz4", "zstd"];
    for (const [i, codec] of names.entries()) {
      const lines = Array.from(
        { length: 2_000 },
        (_, k) => `{"userID":${i},"timestamp":${k}.5,"coordinates":[${k % 90}.25,-0.125]}`,
      );
      await sendCompressed({ classpath, bootstrap, topic: scenario.name, codec, lines });
      scenario.feed.acked.push(...lines);
    }
    for (let i = 0; i < 2; i++) await scenario.start();
    await scenario.catchUp();
    return `${names.join(", ")}: ${await scenario.check()}`;
  });
}

/** A batch of 200 KB that unpacks to 200 MB costs one record and little memory, and delays no other. */
async function gzipBomb(cluster: Cluster): Promise<string> {
  return await withLargeRecords(cluster, 4 * MB, async (scenario) => {
    await scenario.feed.send(300, { partitions: 1 });
    await scenario.feed.send(1, { partitions: 1, make: pad(200 * MB), gzip: true });
    if (scenario.feed.acked.at(-1)!.length < 200 * MB) {
      throw new Error("the broker did not accept the bomb");
    }
    await scenario.feed.send(300, { partitions: 1 });
    const process = await scenario.start();
    const meter = new Meter();
    const timer = setInterval(() => process.running && meter.measure(process.pid), 50);
    await scenario.catchUp().finally(() => clearInterval(timer));
    const what = await scenario.check();
    if (meter.peakMb > BOMB_CEILING_MB) throw new Error(`I11 a bomb took ${meter.peakMb} MB`);
    return `gzip bomb: ${what}, at most ${meter.peakMb} MB`;
  }, 1);
}

async function withLargeRecords(
  cluster: Cluster,
  bytesMax: number,
  work: (scenario: Scenario) => Promise<string>,
  partitions = 3,
): Promise<string> {
  const configs = { "max.message.bytes": String(bytesMax) };
  const scenario = await Scenario.open(cluster, { partitions, configs });
  scenario.allowed = { refused };
  try {
    return await work(scenario);
  } finally {
    await scenario.close();
  }
}
