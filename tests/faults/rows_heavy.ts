import { sendPacked } from "../support/kafka.ts";
import type { Cluster } from "./cluster.ts";
import type { Row as Record } from "./checker.ts";
import type { Row } from "./matrix.ts";
import { heapOf, Meter } from "./meter.ts";
import { Scenario, SESSION_MS } from "./scenario.ts";
import { readLog } from "./topic.ts";

/** Faults of weight: what is large, packed, or takes long. */
export const heavyRows: Row[] = [
  {
    id: 21,
    fault:
      "values of 1 and 100 MB, every codec, a gzip bomb, statements longer than the session time-out",
    run: async (cluster) => {
      const told = [
        await heavy(cluster),
        await huge(cluster),
        await packed(cluster),
        await bomb(cluster),
      ];
      return told.join("; ");
    },
  },
];

const MB = 1_000_000;
/** A value of 100 MB is held several times on its way into the table: as it came, as text, and as text on the wire. */
const CEILING_MB = 1_500;
/** What it takes to see that a batch is a bomb: its limit of 128 MiB, and the program itself. */
const BOMB_CEILING_MB = 700;

const pad = (size: number) => (k: number) =>
  `{"userID":1,"timestamp":${k}.5,"coordinates":[1,2],"pad":"${"x".repeat(size)}"}`;
/** Larger than a record may be; the checker has no such rule. */
const refused = (row: Record) => "pad" in row && String(row.pad).length > 1_048_000;

/** Every statement takes longer than the group waits for a sign of life, which may cost nobody its membership. */
async function heavy(cluster: Cluster): Promise<string> {
  return await inTopic(cluster, 4 * MB, async (scenario) => {
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
    await scenario.together(2);
    const members = await scenario.members();
    await scenario.caughtUp(180_000);
    if (await scenario.members() !== members) throw new Error("a process lost its membership");
    return `${await scenario.check()}, the group as before`;
  });
}

async function huge(cluster: Cluster): Promise<string> {
  return await inTopic(cluster, 104 * MB, async (scenario) => {
    const { partitions } = scenario;
    await scenario.feed.send(500, { partitions, batch: 100 });
    await scenario.feed.send(2, { partitions, batch: 1, make: pad(100 * MB) });
    await scenario.feed.send(500, { partitions, batch: 100 });
    const largest = scenario.feed.acked.reduce((size, { length }) => Math.max(size, length), 0);
    if (largest < 100 * MB) throw new Error("the broker took none of 100 MB: nothing was tested");
    scenario.env = heapOf(1_024);
    const process = await scenario.start();
    const meter = new Meter();
    await scenario.caughtUp(180_000);
    const { peakMb } = meter.measure(process.pid);
    const what = await scenario.check();
    if (peakMb > CEILING_MB) throw new Error(`I11 values of 100 MB took ${peakMb} MB`);
    return `100 MB: ${what}, at most ${peakMb} MB with a heap of 1 GB`;
  });
}

/** Packed by Kafka's own producer, in each way that it knows. */
async function packed(cluster: Cluster): Promise<string> {
  const { kafka: { classpath, bootstrap } } = cluster;
  return await inTopic(cluster, MB, async (scenario) => {
    const codecs = ["gzip", "snappy", "lz4", "zstd"];
    for (const [i, codec] of codecs.entries()) {
      const lines = Array.from(
        { length: 2_000 },
        (_, k) => `{"userID":${i},"timestamp":${k}.5,"coordinates":[${k % 90}.25,-0.125]}`,
      );
      await sendPacked({ classpath, bootstrap, topic: scenario.name, codec, lines });
      scenario.feed.acked.push(...lines);
    }
    for (let i = 0; i < 2; i++) await scenario.start();
    await scenario.caughtUp();
    return `${codecs.join(", ")}: ${await scenario.check()}`;
  });
}

/** A batch of 200 KB that unpacks to 200 MB is refused by its codec's name, before it fills the memory. */
async function bomb(cluster: Cluster): Promise<string> {
  return await inTopic(cluster, 4 * MB, async (scenario) => {
    await scenario.feed.send(300, { partitions: 1 });
    // What lies before the bomb; behind it nobody gets.
    const known = { log: await readLog(scenario), acked: [...scenario.feed.acked] };
    await scenario.feed.send(1, { partitions: 1, make: pad(200 * MB), gzip: true });
    if (scenario.feed.acked.at(-1)!.length < 200 * MB) throw new Error("the bomb was not taken");
    const process = await scenario.start();
    const meter = new Meter();
    const watching = setInterval(() => process.running && meter.measure(process.pid), 50);
    const { code } = await process.end(60_000).finally(() => clearInterval(watching));
    if (code !== 65 || !/packed with gzip/.test(process.err)) {
      throw new Error(`expected 65 and the codec, found ${code}:\n${process.err}`);
    }
    if (meter.peakMb > BOMB_CEILING_MB) throw new Error(`I11 a bomb took ${meter.peakMb} MB`);
    // One answer of the broker may hold it and what comes before: then that waits too.
    scenario.allowed = { unfinished: true };
    return `gzip bomb: 65, ${await scenario.check(known)}, at most ${meter.peakMb} MB`;
  }, 1);
}

async function inTopic(
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
