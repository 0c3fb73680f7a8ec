import { runChild } from "../support/child.ts";
import { type Cluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";
import { Scenario, SESSION_MS } from "./scenario.ts";

/** Faults of PostgreSQL and of the way to it. */
export const postgresRows: Row[] = [
  { id: 7, fault: "PostgreSQL crashes, and backends are ended every 200 ms", run: crash },
  {
    id: 8,
    fault: "the connection is cut right before a statement, before its answer, after it",
    run: cut,
  },
  { id: 10, fault: "read-only, no connection left, disk full", run: refusals },
  { id: 11, fault: "PostgreSQL put back to an older copy", run: rewind },
  { id: 17, fault: "table gone, column gone, no right", run: denials },
];

const NOBODY = 65_534;

/** The statement that settles. */
const isSettling = (text: string) => text.includes("insert into") && text.includes("unnest");

function crash(cluster: Cluster): Promise<string> {
  return withScene(cluster, async (scenario) => {
    const { postgres } = cluster;
    const members = await scenario.members();
    const before = await scenario.settled();
    for (let i = 0; i < 2; i++) {
      await scenario.progress();
      await postgres.stop("SIGQUIT");
      // Whoever sends no heartbeat while it waits is thrown out of the group by now.
      await sleep(i === 0 ? SESSION_MS + 2_000 : 500);
      await postgres.start();
    }
    await scenario.progress();
    let ended = 0;
    for (let i = 0; i < 20; i++) {
      ended += await scenario.endBackends();
      await sleep(200);
    }
    await scenario.progress(500);
    const during = await scenario.settled() - before;
    demandSame(members, await scenario.members());
    await scenario.feed.stop();
    const healedMs = await scenario.caughtUp();
    const what = await scenario.check();
    if (ended === 0) throw new Error("no backend was ended: nothing was tested");
    return `${what}; 2 crashes, ${ended} backends ended, ${during} settled meanwhile, healed in ${
      healedMs | 0
    } ms, the group as before`;
  });
}

function demandSame(before: string, after: string): void {
  if (before !== after) throw new Error(`the group changed from ${before} to ${after}`);
}

function cut(cluster: Cluster): Promise<string> {
  return withScene(cluster, async (scenario) => {
    const { toPostgres } = cluster;
    const before = await scenario.settled();
    const cuts = { done: 0, lost: 0, told: 0 };
    for (let i = 0; i < 18; i++) {
      const outcome = (["done", "lost", "told"] as const)[i % 3]!;
      let left = cluster.draw(5);
      const already = toPostgres.cuts;
      toPostgres.cut = { outcome, at: (text) => isSettling(text) && left-- === 0 };
      await scenario.wait(`cut ${i}`, () => toPostgres.cuts > already, 90_000);
      cuts[outcome]++;
    }
    const during = await scenario.settled() - before;
    await scenario.feed.stop();
    const healedMs = await scenario.caughtUp();
    const what = await scenario.check();
    return `${what}; cut ${cuts.lost} times before the statement, ${cuts.done} times before its answer, ` +
      `${cuts.told} times after, ` +
      `${during} settled meanwhile, healed in ${healedMs | 0} ms`;
  });
}

/** Disk full, no connection left, read-only: the processes wait, say why, and reject nothing. */
async function refusals(cluster: Cluster): Promise<string> {
  const admin = await Scenario.open(cluster);
  const disk = await mountDisk(cluster, admin.sql);
  try {
    await admin.sql.unsafe(`create role ${admin.name} login`);
    return await withScene(cluster, async (scenario) => {
      const { sql, name } = scenario;
      const waited: string[] = [];
      const demandWait = async (what: string, reason: RegExp, heal: () => Promise<unknown>) => {
        const processes = scenario.running;
        const before = processes.map(({ err }) => err.length);
        await scenario.wait(
          `word of ${what}`,
          () => processes.some(({ err }, i) => reason.test(err.slice(before[i]))),
          30_000,
        );
        await sleep(1_000);
        if (processes.some(({ running }) => !running)) throw new Error(`${what} ended a process`);
        waited.push(what);
        await heal();
        await scenario.progress(500);
      };
      await sql.unsafe(`alter role ${admin.name} set default_transaction_read_only = on`);
      await scenario.endBackends();
      await demandWait("read-only", /waiting for the database.*25006/, async () => {
        await sql.unsafe(`alter role ${admin.name} reset default_transaction_read_only`);
        await scenario.endBackends();
      });
      await sql.unsafe(`alter role ${admin.name} connection limit 1`);
      await scenario.endBackends();
      await demandWait(
        "no connection left",
        /waiting for the database/,
        () => sql.unsafe(`alter role ${admin.name} connection limit -1`),
      );
      if (disk) {
        await sql.unsafe(`alter table ${name}.routes_table set tablespace ${disk.tablespace}`);
        await demandWait("disk full", /waiting for the database.*53100/, disk.grow);
      }
      await scenario.feed.stop();
      await scenario.caughtUp();
      const what = await scenario.check();
      const [row] = await sql`
        select count(*)::int as refused from ${
        scenario.table("routes_rejects")
      } where code like 'db%'`;
      if (row!.refused > 0) throw new Error(`${row!.refused} records were rejected by the fault`);
      const without = disk ? "" : " (disk full untried: nothing can be mounted here)";
      return `${what}; waited for ${waited.join(", ")}${without}`;
    }, { role: admin.name });
  } finally {
    await disk?.close();
    await admin.sql.unsafe(`drop owned by ${admin.name}; drop role ${admin.name}`);
    await admin.close();
  }
}

/** A tablespace that is soon full; null where mounting is not allowed. */
async function mountDisk({ sandbox }: Cluster, sql: Scenario["sql"]) {
  const tablespace = "small_disk";
  const dir = `${sandbox.dir}/${tablespace}`;
  const mount = (...args: string[]) => runChild("mount", { args, name: "mount" });
  await Deno.mkdir(dir, { recursive: true });
  try {
    await mount("-t", "tmpfs", "-o", "size=4m,mode=0777", "tmpfs", dir);
  } catch {
    return null;
  }
  await Deno.mkdir(`${dir}/data`);
  await Deno.chown(`${dir}/data`, NOBODY, NOBODY);
  await sql.unsafe(`create tablespace ${tablespace} location '${dir}/data'`);
  return {
    tablespace,
    grow: () => mount("-o", "remount,size=256m", dir),
    close: async () => {
      await sql.unsafe(`drop tablespace ${tablespace}`);
      await runChild("umount", { args: [dir], name: "umount" });
    },
  };
}

/** An old copy of the data takes the place of the new: rows and positions fall together, and Kafka fills the gap. */
function rewind(cluster: Cluster): Promise<string> {
  return withScene(cluster, async (scenario) => {
    const { postgres } = cluster;
    const copy = `${postgres.dir}-copy`;
    scenario.mayLead = true;
    const swap = async (from: string, to: string) => {
      await postgres.stop();
      await runChild("sh", {
        args: ["-c", `rm -rf "${to}" && cp -a "${from}" "${to}"`],
        name: "cp",
      });
      await postgres.start();
    };
    await swap(postgres.dir, copy);
    const old = await scenario.settled();
    await scenario.progress(3_000);
    const busy = await scenario.settled();
    await swap(copy, postgres.dir);
    await scenario.progress(1_000);
    await scenario.feed.stop();
    await scenario.caughtUp();
    // Once more with nothing on its way: whoever only waits for records must notice all the same.
    const idle = await scenario.settled();
    await swap(copy, postgres.dir);
    const healedMs = await scenario.caughtUp();
    const what = await scenario.check();
    return `${what}; fell from ${busy} and ${idle} to ${old}, idle healed in ${healedMs | 0} ms`;
  });
}

/** What no waiting mends ends the program, with nothing rejected and nothing lost. */
async function denials(cluster: Cluster): Promise<string> {
  const admin = await Scenario.open(cluster);
  try {
    await admin.sql.unsafe(`create role ${admin.name} login`);
    return await withScene(cluster, async (scenario) => {
      const { sql, name } = scenario;
      const codes: string[] = [];
      const faults = [
        [
          "table gone",
          69,
          "alter table routes_table rename to hidden",
          "alter table hidden rename to routes_table",
        ],
        [
          "column gone",
          69,
          "alter table routes_table rename latitude to hidden",
          "alter table routes_table rename hidden to latitude",
        ],
        [
          "no right",
          77,
          `revoke insert on routes_table from ${admin.name}`,
          `grant insert on routes_table to ${admin.name}`,
        ],
      ] as const;
      for (const [what, code, harm, heal] of faults) {
        const alter = (text: string) =>
          sql.begin(async (sql) => {
            await sql.unsafe(`set local search_path to ${name}`);
            await sql.unsafe(text);
          });
        await alter(harm);
        for (const process of scenario.running) {
          const status = await process.end(30_000);
          if (status.code !== code) {
            throw new Error(`${what}: expected ${code}, found ${status.code}:\n${process.err}`);
          }
        }
        codes.push(`${what} ${code}`);
        await alter(heal);
        for (let i = 0; i < 2; i++) await scenario.start();
        await scenario.progress(500);
      }
      await scenario.feed.stop();
      await scenario.caughtUp();
      const what = await scenario.check();
      return `${what}; ${codes.join(", ")}`;
    }, { role: admin.name });
  } finally {
    await admin.sql.unsafe(`drop owned by ${admin.name}; drop role ${admin.name}`);
    await admin.close();
  }
}
