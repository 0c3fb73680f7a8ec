import { ConfigResourceTypes } from "kafkajs";
import { type Arena, sleep, until } from "./arena.ts";
import type { Logged, Row as Record } from "./checker.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";
import { Scene } from "./scene.ts";
import { readLog } from "./topic.ts";

/** Faults that lie in the records. */
export const recordRows: Row[] = [
  {
    id: 15,
    fault: "aborted transactions, markers at the tail; a compacted topic",
    run: async (arena) => `${await transactions(arena)}; ${await compacted(arena)}`,
  },
  { id: 16, fault: "1 % bad, all bad, records that only the database refuses", run: badRecords },
];

async function transactions(arena: Arena): Promise<string> {
  return await withScene(arena, async (scene) => {
    const producer = scene.kafka.producer({
      transactionalId: scene.name,
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
          topic: scene.name,
          messages: values.map((value) => ({ value, partition: arena.draw(scene.partitions) })),
        });
        // The last one leaves nothing but a marker at the tail.
        if (i < 29 && arena.draw(2) === 0) {
          await transaction.commit();
          scene.feed.acked.push(...values);
          ended.committed++;
        } else {
          await transaction.abort();
          ended.aborted++;
        }
        if (i % 5 === 0) await scene.send(50);
      }
    } finally {
      await producer.disconnect();
    }
    await Promise.all(scene.processes.map((process) => process.stop()));
    // Without --follow it reads to an end that holds no record, and must see that it is there.
    const last = await scene.start([]);
    const { code } = await last.end(60_000);
    if (code !== 0) throw new Error(`reading to the end ended with ${code}:\n${last.err}`);
    const what = await scene.check();
    return `${what}; ${ended.committed} transactions committed, ${ended.aborted} aborted`;
  }, { processes: 2, partitions: 3, perSecond: 0 });
}

/** Read in part before Kafka compacts the topic, and in part after: what is left is there once, gaps are no loss. */
async function compacted(arena: Arena): Promise<string> {
  const scene = await Scene.open(arena, { partitions: 2 });
  scene.allowed = { compacted: true };
  // Only while it is being compacted does the log change: at all other times it is known what there is to read.
  const clean = (policy: "compact" | "delete") =>
    scene.admin.alterConfigs({
      validateOnly: false,
      resources: [{
        type: ConfigResourceTypes.TOPIC,
        name: scene.name,
        configEntries: Object.entries({
          "cleanup.policy": policy,
          "segment.ms": "500",
          "min.cleanable.dirty.ratio": "0.01",
        }).map(([name, value]) => ({ name, value })),
      }],
    });
  try {
    const { partitions } = scene;
    const send = (count: number) =>
      scene.feed.send(count, { partitions, batch: 50, key: (k) => `key ${k * k % 91}` });
    await send(2_000);
    await (await scene.start(["--count", "700"])).end(60_000);
    const stood = await scene.positions();
    const before = await readLog(scene);
    await send(2_000);
    const total = () =>
      scene.admin.fetchTopicOffsets(scene.name)
        .then((all) => all.reduce((sum, { high }) => sum + Number(high), 0));
    const gaps = async () => await total() - count(await readLog(scene));
    await clean("compact");
    // Only what lies behind the newest segment is compacted, and a segment ends with what comes after its time.
    await until("compaction", async () => {
      await send(50);
      await sleep(1_000);
      return await gaps() > 500;
    }, 90_000);
    await clean("delete");
    for (let i = 0; i < 2; i++) await scene.start(["--follow", "--batch-size", "20"]);
    await scene.caughtUp();
    await scene.stopAll();
    await send(200);
    const last = await scene.start([]);
    const { code } = await last.end(60_000);
    if (code !== 0) throw new Error(`reading to the end ended with ${code}:\n${last.err}`);
    const now = await readLog(scene);
    const seen = new Map([...now].map(([partition, records]) => {
      const next = stood.get(partition) ?? 0;
      return [partition, [
        ...before.get(partition)!.filter(({ offset }) => offset < next),
        ...records.filter(({ offset }) => offset >= next),
      ]];
    }));
    const empty = await total() - count(now);
    const what = await scene.check({ log: seen });
    return `compacted: ${what}, ${empty} offsets empty`;
  } finally {
    await scene.close();
  }
}

function count(log: Map<number, Logged[]>): number {
  return [...log.values()].reduce((sum, records) => sum + records.length, 0);
}

async function badRecords(arena: Arena): Promise<string> {
  const scene = await Scene.open(arena, { partitions: 3 });
  try {
    // A rule that the program knows nothing of.
    await scene.sql.unsafe(
      `alter table ${scene.name}.routes_table add constraint no_thirteen check (user_id <> 13)`,
    );
    scene.allowed = { refused: ({ userID }: Record) => userID === 13 };
    const { partitions } = scene;
    await scene.feed.send(20_000, { partitions });
    await scene.feed.send(1_000, { partitions, make: (k) => `not a record ${k}` });
    const inject = (k: number) => `{"userID":13,"timestamp":${k}.5,"coordinates":[1,2]}`;
    await scene.feed.send(3, { partitions, batch: 1, make: inject });
    await scene.feed.send(3_000, { partitions });
    for (let i = 0; i < 3; i++) await scene.start();
    await scene.caughtUp();
    const what = await scene.check();
    const codes = await scene.sql`
      select code, count(*)::int from ${scene.table("routes_rejects")} group by code order by code`;
    const seen = codes.map(({ code, count }) => `${code} ${count}`).join(", ");
    if (!codes.some(({ code }) => code === "db_23514")) throw new Error(`no db_23514 in ${seen}`);
    return `${what}; ${seen}`;
  } finally {
    await scene.close();
  }
}
