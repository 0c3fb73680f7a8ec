import { ConfigResourceTypes } from "kafkajs";
import { type Cluster, sleep, until } from "./cluster.ts";
import type { Row as Record, TopicRecord } from "./checker.ts";
import type { Row } from "./matrix.ts";
import { withScenario } from "./with_scenario.ts";
import { Scenario } from "./scenario.ts";
import { readLog } from "./topic.ts";

/** Faults in the records. */
export const recordRows: Row[] = [
  {
    id: 15,
    fault: "aborted transactions, markers at the end; a compacted topic",
    run: async (cluster) => `${await transactions(cluster)}; ${await compacted(cluster)}`,
  },
  {
    id: 16,
    fault: "1 % invalid, all invalid, records that only the database refuses",
    run: invalidRecords,
  },
];

async function transactions(cluster: Cluster): Promise<string> {
  return await withScenario(cluster, async (scenario) => {
    const producer = scenario.kafka.producer({
      transactionalId: scenario.name,
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    const ended = { committed: 0, aborted: 0 };
    try {
      for (let i = 0; i < 30; i++) {
        const transaction = await producer.transaction();
        const values = Array.from(
          { length: 20 },
          (_, k) => `{"userID":${k},"timestamp":${i}.5,"coordinates":[${k}.5,1]}`,
        );
        await transaction.send({
          topic: scenario.name,
          messages: values.map((value) => ({
            value,
            partition: cluster.draw(scenario.partitions),
          })),
        });
        // The last one is aborted, so that the topic ends with a marker.
        if (i < 29 && cluster.draw(2) === 0) {
          await transaction.commit();
          scenario.feed.acked.push(...values);
          ended.committed++;
        } else {
          await transaction.abort();
          ended.aborted++;
        }
        if (i % 5 === 0) await scenario.send(50);
      }
    } finally {
      await producer.disconnect();
    }
    await Promise.all(scenario.processes.map((process) => process.stop()));
    // Without --follow it must notice the end of the topic, although no record is at the end.
    const last = await scenario.start([]);
    const { code } = await last.end(60_000);
    if (code !== 0) throw new Error(`reading to the end ended with ${code}:\n${last.err}`);
    const what = await scenario.check();
    return `${what}; ${ended.committed} transactions committed, ${ended.aborted} aborted`;
  }, { processes: 2, partitions: 3, perSecond: 0 });
}

/** One part is read before compaction, the rest after: each remaining record is stored once, and gaps are not losses. */
async function compacted(cluster: Cluster): Promise<string> {
  const scenario = await Scenario.open(cluster, { partitions: 2 });
  scenario.allowed = { compacted: true };
  // Compaction is on only for a while, so that the log does not change at other times.
  const setPolicy = (policy: "compact" | "delete") =>
    scenario.admin.alterConfigs({
      validateOnly: false,
      resources: [{
        type: ConfigResourceTypes.TOPIC,
        name: scenario.name,
        configEntries: Object.entries({
          "cleanup.policy": policy,
          "segment.ms": "500",
          "min.cleanable.dirty.ratio": "0.01",
        }).map(([name, value]) => ({ name, value })),
      }],
    });
  try {
    const { partitions } = scenario;
    const send = (count: number) =>
      scenario.feed.send(count, { partitions, batch: 50, key: (k) => `key ${k * k % 91}` });
    await send(2_000);
    await (await scenario.start(["--count", "700"])).end(60_000);
    const positions = await scenario.positions();
    const before = await readLog(scenario);
    await send(2_000);
    const total = () =>
      scenario.admin.fetchTopicOffsets(scenario.name)
        .then((all) => all.reduce((sum, { high }) => sum + Number(high), 0));
    const gaps = async () => await total() - count(await readLog(scenario));
    await setPolicy("compact");
    // Only closed segments are compacted, and a new record closes a segment after its time.
    await until("compaction", async () => {
      await send(50);
      await sleep(1_000);
      return await gaps() > 500;
    }, 90_000);
    await setPolicy("delete");
    for (let i = 0; i < 2; i++) await scenario.start(["--follow", "--batch-size", "20"]);
    await scenario.catchUp();
    await scenario.stopAll();
    await send(200);
    const last = await scenario.start([]);
    const { code } = await last.end(60_000);
    if (code !== 0) throw new Error(`reading to the end ended with ${code}:\n${last.err}`);
    const now = await readLog(scenario);
    const seen = new Map([...now].map(([partition, records]) => {
      const next = positions.get(partition) ?? 0;
      return [partition, [
        ...before.get(partition)!.filter(({ offset }) => offset < next),
        ...records.filter(({ offset }) => offset >= next),
      ]];
    }));
    const empty = await total() - count(now);
    const what = await scenario.check({ log: seen });
    return `compacted: ${what}, ${empty} offsets empty`;
  } finally {
    await scenario.close();
  }
}

function count(log: Map<number, TopicRecord[]>): number {
  return [...log.values()].reduce((sum, records) => sum + records.length, 0);
}

async function invalidRecords(cluster: Cluster): Promise<string> {
  const scenario = await Scenario.open(cluster, { partitions: 3 });
  try {
    // A rule that the program does not know.
    await scenario.sql.unsafe(
      `alter table ${scenario.name}.routes_table add constraint no_thirteen check (user_id <> 13)`,
    );
    scenario.allowed = { refused: ({ userID }: Record) => userID === 13 };
    const { partitions } = scenario;
    await scenario.feed.send(20_000, { partitions });
    await scenario.feed.send(1_000, { partitions, make: (k) => `not a record ${k}` });
    const inject = (k: number) => `{"userID":13,"timestamp":${k}.5,"coordinates":[1,2]}`;
    await scenario.feed.send(3, { partitions, batch: 1, make: inject });
    await scenario.feed.send(3_000, { partitions });
    for (let i = 0; i < 3; i++) await scenario.start();
    await scenario.catchUp();
    const what = await scenario.check();
    const codes = await scenario.sql`
      select code, count(*)::int from ${
      scenario.table("routes_rejects")
    } group by code order by code`;
    const seen = codes.map(({ code, count }) => `${code} ${count}`).join(", ");
    if (!codes.some(({ code }) => code === "db_23514")) throw new Error(`no db_23514 in ${seen}`);
    return `${what}; ${seen}`;
  } finally {
    await scenario.close();
  }
}
