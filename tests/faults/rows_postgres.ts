import { runChild } from "../support/child.ts";
import { UNPRIVILEGED } from "../support/postgres.ts";
import { type Cluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withScenario } from "./with_scenario.ts";
import { Scenario, SESSION_MS } from "./scenario.ts";

/** Faults of PostgreSQL and of the connection to it. */
export const postgresRows: Row[] = [
  { id: 7, fault: "PostgreSQL crashes, and backends are terminated every 200 ms", run: crash },
  {
    id: 8,
    fault: "the connection ends before a statement, before its answer, after its answer",
    run: cut,
  },
  { id: 10, fault: "read-only, no connection left, disk full", run: refusals },
  { id: 11, fault: "PostgreSQL restored from an older copy", run: restore },
  { id: 17, fault: "missing table, missing column, missing right", run: denials },
];

/** Whether it is the statement that writes a step. */
const writesStep = (text: string) => text.includes("insert into") && text.includes("unnest");

function crash(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const { postgres } = cluster;
    const members = await scenario.members();
    const before = await scenario.settled();
    for (let i = 0; i < 2; i++) {
      await scenario.progress();
      await postgres.stop("SIGQUIT");
      // A process that sent no heartbeats while it waited is no longer a member of the group.
      await sleep(i === 0 ? SESSION_MS + 2_000 : 500);
      await postgres.start();
    }
    await scenario.progress();
    let terminated = 0;
    for (let i = 0; i < 20; i++) {
      terminated += await scenario.endBackends();
      await sleep(200);
    }
    await scenario.progress(500);
    const during = await scenario.settled() - before;
    assertSameGroup(members, await scenario.members());
    await scenario.feed.stop();
    const recoveredMs = await scenario.catchUp();
    const what = await scenario.check();
    if (terminated === 0) throw new Error("no backend was terminated: nothing was tested");
    return `${what}; 2 crashes, ${terminated} backends terminated, ${during} settled meanwhile, recovered in ${
      recoveredMs | 0
    } ms, same group members`;
  });
}

function assertSameGroup(before: string, after: string): void {
  if (before !== after) throw new Error(`the group changed from ${before} to ${after}`);
}

function cut(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const { toPostgres } = cluster;
    const before = await scenario.settled();
    const moments = ["before answer", "before statement", "after answer"] as const;
    for (let i = 0; i < 18; i++) {
      let left = cluster.draw(5);
      const before = toPostgres.cuts;
      toPostgres.cut = { moment: moments[i % 3]!, at: (text) => writesStep(text) && left-- === 0 };
      await scenario.wait(`cut ${i}`, () => toPostgres.cuts > before, 90_000);
    }
    const during = await scenario.settled() - before;
    await scenario.feed.stop();
    const recoveredMs = await scenario.catchUp();
    const what = await scenario.check();
    return `${what}; 6 cuts ${moments.join(", 6 ")}, ${during} settled meanwhile, ` +
      `recovered in ${recoveredMs | 0} ms`;
  });
}

/** Disk full, no connection left, read-only: the processes wait, print the reason, and reject nothing. */
async function refusals(cluster: Cluster): Promise<string> {
  const admin = await Scenario.open(cluster);
  const disk = await mountDisk(cluster, admin.sql);
  try {
    await admin.sql.unsafe(`create role ${admin.name} login`);
    return await withScenario(cluster, async (scenario) => {
      const { sql, name } = scenario;
      const waited: string[] = [];
      const assertWaits = async (what: string, reason: RegExp, repair: () => Promise<unknown>) => {
        const processes = scenario.running;
        const before = processes.map(({ err }) => err.length);
        await scenario.wait(
          `a message about ${what}`,
          () => processes.some(({ err }, i) => reason.test(err.slice(before[i]))),
          30_000,
        );
        await sleep(1_000);
        if (processes.some(({ running }) => !running)) throw new Error(`${what} ended a process`);
        waited.push(what);
        await repair();
        await scenario.progress(500);
      };
      await sql.unsafe(`alter role ${admin.name} set default_transaction_read_only = on`);
      await scenario.endBackends();
      await assertWaits("read-only", /waiting for PostgreSQL.*25006/, async () => {
        await sql.unsafe(`alter role ${admin.name} reset default_transaction_read_only`);
        await scenario.endBackends();
      });
      await sql.unsafe(`alter role ${admin.name} connection limit 1`);
      await scenario.endBackends();
      await assertWaits(
        "no connection left",
        /waiting for PostgreSQL/,
        () => sql.unsafe(`alter role ${admin.name} connection limit -1`),
      );
      if (disk) {
        await sql.unsafe(`alter table ${name}.routes_table set tablespace ${disk.tablespace}`);
        await assertWaits("disk full", /waiting for PostgreSQL.*53100/, disk.grow);
      }
      await scenario.feed.stop();
      await scenario.catchUp();
      const what = await scenario.check();
      const [row] = await sql`
        select count(*)::int as refused from ${
        scenario.table("routes_rejects")
      } where code like 'db%'`;
      if (row!.refused > 0) throw new Error(`${row!.refused} records were rejected by the fault`);
      const without = disk ? "" : " (disk full was not tested: mount is not allowed)";
      return `${what}; waited for ${waited.join(", ")}${without}`;
    }, { role: admin.name });
  } finally {
    await disk?.close();
    await admin.sql.unsafe(`drop owned by ${admin.name}; drop role ${admin.name}`);
    await admin.close();
  }
}

/** Creates a small tablespace; null if mount is not allowed. */
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
  await Deno.chown(`${dir}/data`, UNPRIVILEGED, UNPRIVILEGED);
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

/** Restores an old copy of the data: rows and positions go back together, and the rest is read from Kafka again. */
function restore(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const { postgres } = cluster;
    const copy = `${postgres.dir}-copy`;
    scenario.offsetsMayLead = true;
    const copyData = async (from: string, to: string) => {
      await postgres.stop();
      await runChild("sh", {
        args: ["-c", `rm -rf "${to}" && cp -a "${from}" "${to}"`],
        name: "cp",
      });
      await postgres.start();
    };
    await copyData(postgres.dir, copy);
    const old = await scenario.settled();
    await scenario.progress(3_000);
    const busy = await scenario.settled();
    await copyData(copy, postgres.dir);
    await scenario.progress(1_000);
    await scenario.feed.stop();
    await scenario.catchUp();
    // Again without new records: processes that wait for records must notice it too.
    const idle = await scenario.settled();
    await copyData(copy, postgres.dir);
    const recoveredMs = await scenario.catchUp();
    const what = await scenario.check();
    return `${what}; restored from ${busy} and ${idle} to ${old}, idle recovered in ${
      recoveredMs | 0
    } ms`;
  });
}

/** Faults that waiting cannot fix end the program; no record is rejected or lost. */
async function denials(cluster: Cluster): Promise<string> {
  const admin = await Scenario.open(cluster);
  try {
    await admin.sql.unsafe(`create role ${admin.name} login`);
    return await withScenario(cluster, async (scenario) => {
      const { sql, name } = scenario;
      const codes: string[] = [];
      const faults = [
        [
          "missing table",
          69,
          "alter table routes_table rename to hidden",
          "alter table hidden rename to routes_table",
        ],
        [
          "missing column",
          69,
          "alter table routes_table rename latitude to hidden",
          "alter table routes_table rename hidden to latitude",
        ],
        [
          "missing right",
          77,
          `revoke insert on routes_table from ${admin.name}`,
          `grant insert on routes_table to ${admin.name}`,
        ],
      ] as const;
      for (const [what, code, breaking, repairing] of faults) {
        const alter = (text: string) =>
          sql.begin(async (sql) => {
            await sql.unsafe(`set local search_path to ${name}`);
            await sql.unsafe(text);
          });
        await alter(breaking);
        for (const process of scenario.running) {
          const status = await process.end(30_000);
          if (status.code !== code) {
            throw new Error(`${what}: expected ${code}, found ${status.code}:\n${process.err}`);
          }
        }
        codes.push(`${what} ${code}`);
        await alter(repairing);
        for (let i = 0; i < 2; i++) await scenario.start();
        await scenario.progress(500);
      }
      await scenario.feed.stop();
      await scenario.catchUp();
      const what = await scenario.check();
      return `${what}; ${codes.join(", ")}`;
    }, { role: admin.name });
  } finally {
    await admin.sql.unsafe(`drop owned by ${admin.name}; drop role ${admin.name}`);
    await admin.close();
  }
}
