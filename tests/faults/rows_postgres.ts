import { type Arena, sleep, until } from "./arena.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";
import { type Scene, SESSION_MS } from "./scene.ts";

/** Faults of PostgreSQL and of the way to it. */
export const postgresRows: Row[] = [
  { id: 7, fault: "PostgreSQL crashes, and backends are ended every 200 ms", run: crash },
  { id: 8, fault: "the connection is cut right after a statement, or right before", run: cut },
];

/** The statement that settles. */
const isSettling = (text: string) => text.includes("insert into") && text.includes("unnest");

function crash(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    const { postgres } = arena;
    const members = await memberIds(scene);
    const before = await scene.settled();
    for (let i = 0; i < 2; i++) {
      await scene.progress();
      await postgres.stop("SIGQUIT");
      // Whoever sends no heartbeat while it waits is thrown out of the group by now.
      await sleep(i === 0 ? SESSION_MS + 2_000 : 500);
      await postgres.start();
    }
    await scene.progress();
    let ended = 0;
    for (let i = 0; i < 20; i++) {
      const [row] = await scene.sql`
        select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity
        where application_name = 'routes'`;
      ended += row!.ended;
      await sleep(200);
    }
    await scene.progress(500);
    const during = await scene.settled() - before;
    demandSame(members, await memberIds(scene));
    await scene.feed.stop();
    const healedMs = await scene.caughtUp();
    const what = await scene.check();
    if (ended === 0) throw new Error("no backend was ended: nothing was tested");
    return `${what}; 2 crashes, ${ended} backends ended, ${during} settled meanwhile, healed in ${
      healedMs | 0
    } ms, the group as before`;
  });
}

/** Whoever is in the group; a process that had to join again is another one. */
async function memberIds(scene: Scene): Promise<string> {
  const { groups } = await scene.admin.describeGroups([scene.group]);
  return groups[0]!.members.map(({ memberId }) => memberId).sort().join();
}

function demandSame(before: string, after: string): void {
  if (before !== after) throw new Error(`the group changed from ${before} to ${after}`);
}

function cut(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    const { toPostgres } = arena;
    const before = await scene.settled();
    const cuts = { done: 0, lost: 0 };
    for (let i = 0; i < 16; i++) {
      const outcome = i % 2 === 0 ? "done" : "lost";
      let left = arena.draw(5);
      const already = toPostgres.cuts;
      toPostgres.cut = { outcome, at: (text) => isSettling(text) && left-- === 0 };
      await until(`cut ${i}`, () => toPostgres.cuts > already, 30_000);
      cuts[outcome]++;
    }
    const during = await scene.settled() - before;
    await scene.feed.stop();
    const healedMs = await scene.caughtUp();
    const what = await scene.check();
    return `${what}; cut ${cuts.done} times after the statement, ${cuts.lost} times before, ` +
      `${during} settled meanwhile, healed in ${healedMs | 0} ms`;
  });
}
