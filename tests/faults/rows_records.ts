import { type Arena, until } from "./arena.ts";
import type { Row as Record } from "./checker.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";
import { Scene, SESSION_MS } from "./scene.ts";

/** Faults that lie in the records. */
export const recordRows: Row[] = [
  { id: 15, fault: "aborted and open transactions, markers at the tail", run: transactions },
  { id: 16, fault: "1 % bad, all bad, records that only the database refuses", run: badRecords },
  { id: 21, fault: "1 MB values, statements longer than the session time-out", run: heavy },
  { id: 22, fault: "stdout closed while it is written to", run: closedPipe },
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

/** Nothing here may cost a process its membership. */
async function heavy(arena: Arena): Promise<string> {
  const scene = await Scene.open(arena, {
    partitions: 3,
    configs: { "max.message.bytes": "4000000" },
  });
  try {
    const { partitions } = scene;
    const pad = (size: number) => (k: number) =>
      `{"userID":1,"timestamp":${k}.5,"coordinates":[1,2],"pad":"${"x".repeat(size)}"}`;
    await scene.feed.send(10, { partitions, batch: 1, make: pad(1_000_000) });
    await scene.feed.send(5, { partitions, batch: 1, make: pad(2_000_000) });
    // Every statement takes longer than the group waits for a sign of life.
    await scene.sql.unsafe(`
      create function ${scene.name}.faults_sleep() returns trigger language plpgsql as $$ begin
        perform pg_sleep(${SESSION_MS / 1000 + 2});
        return null;
      end $$;
      create trigger faults_sleep after update on ${scene.name}.routes_sources
        for each statement execute function ${scene.name}.faults_sleep()`);
    for (let i = 0; i < 2; i++) await scene.start();
    await scene.together(2);
    const members = await scene.members();
    await scene.caughtUp();
    if (await scene.members() !== members) throw new Error("a process lost its membership");
    const refused = (row: Record) => "pad" in row && String(row.pad).length > 1_048_000;
    const what = await scene.check({ refused });
    return `${what}; the group as before`;
  } finally {
    await scene.close();
  }
}

/** Whoever reads along may go away: that is a good end, and another process goes on. */
function closedPipe(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    const reader = await scene.start(["--follow", "--tee"]);
    await until("the first line on stdout", () => reader.out.includes("\n"), 30_000);
    await reader.closeOut();
    const { code } = await reader.end(30_000);
    if (code !== 0) throw new Error(`ended with ${code}:\n${reader.err}`);
    await scene.progress(500);
    await scene.feed.stop();
    await scene.caughtUp();
    return `${await scene
      .check()}; ended with 0 (the clock is left alone: nothing here can move it)`;
  }, { processes: 1 });
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
