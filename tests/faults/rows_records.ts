import { type Arena } from "./arena.ts";
import type { Row as Record } from "./checker.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";
import { Scene } from "./scene.ts";

/** Faults that lie in the records. */
export const recordRows: Row[] = [
  { id: 15, fault: "aborted and open transactions, markers at the tail", run: transactions },
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

async function badRecords(arena: Arena): Promise<string> {
  const scene = await Scene.open(arena, { partitions: 3 });
  try {
    // A rule that the program knows nothing of.
    await scene.sql.unsafe(
      `alter table ${scene.name}.routes_table add constraint no_thirteen check (user_id <> 13)`,
    );
    const refused = ({ userID }: Record) => userID === 13;
    const { partitions } = scene;
    await scene.feed.send(20_000, { partitions });
    await scene.feed.send(1_000, { partitions, make: (k) => `not a record ${k}` });
    const inject = (k: number) => `{"userID":13,"timestamp":${k}.5,"coordinates":[1,2]}`;
    await scene.feed.send(3, { partitions, batch: 1, make: inject });
    await scene.feed.send(3_000, { partitions });
    for (let i = 0; i < 3; i++) await scene.start();
    await scene.caughtUp();
    const what = await scene.check({ refused });
    const codes = await scene.sql`
      select code, count(*)::int from ${scene.table("routes_rejects")} group by code order by code`;
    const seen = codes.map(({ code, count }) => `${code} ${count}`).join(", ");
    if (!codes.some(({ code }) => code === "db_23514")) throw new Error(`no db_23514 in ${seen}`);
    return `${what}; ${seen}`;
  } finally {
    await scene.close();
  }
}
