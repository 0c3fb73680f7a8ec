// How long queries take on a table that has grown, beside the best SQL in psql. Fills a database of its own, without Kafka.
// deno task bench:table [--millions N] [--users N]

import { parseArgs } from "@std/cli/parse-args";
import { openWorkspace } from "../support/workspace.ts";
import { measure, median } from "./measure.ts";
import { findPeers } from "./peers.ts";
import { routes, sqlOf } from "./rows.ts";

const RUNS = 3;
/** Between the fixes of all users together: a table of 20 million rows covers 23 days. */
const INTERVAL_S = 0.1;
const CHUNK = 1_000_000;

const flags = parseArgs(Deno.args, {
  string: ["millions", "users"],
  default: { millions: "1", users: "10000" },
});
const [millions, users] = [Number(flags.millions), Number(flags.users)];
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

const newest = "order by timestamp desc, user_id, source_id desc, source_offset desc";
/** By arguments of `routes query`, the best statement that we know. */
const queries: [args: string, statement: string][] = [
  [
    "--limit 10",
    `select * from routes_table where timestamp >=
      (select max(last_time) / 1000.0 - 60 from routes_sources) ${newest} limit 10`,
  ],
  [
    "--last --all --format csv",
    `with recursive u as (
       (select user_id from routes_table order by user_id limit 1)
       union all select (select user_id from routes_table where user_id > u.user_id
         order by user_id limit 1) from u where user_id is not null)
     select l.* from u cross join lateral (select * from routes_table t
       where t.user_id = u.user_id order by timestamp desc limit 1) l`,
  ],
  ["--user 77 --limit 10", `select * from routes_table where user_id = 77 ${newest} limit 10`],
  ["--total", "select count(*) from routes_table"],
];
const COPY = `\\copy (select user_id, timestamp, latitude, longitude from routes_table
  ${newest}, latitude, longitude) to stdout csv`.replace(/\s+/g, " ");
/** Of the whole table, in the same order. */
const exports: typeof queries = [["--format csv", COPY], ["--format ndjson", COPY]];
const HERE = "latitude between 60.1 and 60.102 and longitude between 24.3 and 24.302";
/** Measured without the index on places, then with it. */
const places: typeof queries = [
  [
    "--bbox 24.3,60.1,24.302,60.102",
    `select * from routes_table where ${HERE} ${newest} limit 100`,
  ],
  [
    "--near 60.101,24.301 --radius 50m",
    `select * from routes_table where ${HERE} ${newest} limit 100`,
  ],
];

const { psql } = await findPeers(say);
const workspace = await openWorkspace("routes_bench_table");
try {
  await routes(workspace, "migrate --create-database");
  await fill();
  say(`\n${millions} million rows of ${users.toLocaleString("en")} users, median of ${RUNS}\n`);
  for (const [args, statement] of [...queries, ...exports, ...places]) {
    await compare(args, statement);
  }
  const { seconds } = await routes(workspace, "migrate --index place");
  say(`\nmigrate --index place took ${seconds.toFixed(1)} s\n`);
  for (const [args, statement] of places) await compare(args, statement);
} finally {
  await workspace.close();
}
Deno.exit(0);

/** Prints how long both take, psql's time divided by ours, and the most memory that we used. */
async function compare(args: string, statement: string): Promise<void> {
  const ours = [];
  const theirs = [];
  for (let run = 0; run < RUNS; run++) {
    ours.push(await routes(workspace, `query ${args}`));
    if (psql) theirs.push((await measure(psql!(workspace.name, ["-c", statement]))).seconds * 1000);
  }
  const ms = median(ours.map(({ seconds }) => seconds * 1000));
  const peer = psql
    ? `psql ${median(theirs).toFixed()} ms, ratio ${(median(theirs) / ms).toFixed(2)}`
    : "psql is missing";
  const peak = Math.max(...ours.map(({ peakMb }) => peakMb));
  say(`query ${args.padEnd(34)} ${ms.toFixed().padStart(7)} ms   ${peer}, ${peak.toFixed()} MB`);
}

/** Rows in the order of time, as a consumer writes them. */
async function fill(): Promise<void> {
  const sql = sqlOf(workspace);
  const startAt = Date.now() / 1000 - millions * CHUNK * INTERVAL_S;
  await sql.unsafe(`
    insert into routes_sources (cluster_id, topic, partition, next_offset, start_offset, last_time)
    values ('bench', 'bench', 0, 0, 0, ${Math.round(Date.now())})`);
  for (let chunk = 0; chunk < millions; chunk++) {
    await sql.unsafe(`
      insert into routes_table (user_id, timestamp, latitude, longitude, source_id, source_offset)
      select k * 7919 % ${users}, ${startAt} + k * ${INTERVAL_S},
        60 + k * 7919 % 4500 / 1e4, 24 + k * 104729 % 9000 / 1e4, 1, k
      from generate_series(${chunk * CHUNK}::bigint, ${(chunk + 1) * CHUNK - 1}::bigint) as k`);
  }
  await sql.unsafe("vacuum analyze routes_table");
  await sql.end();
}
