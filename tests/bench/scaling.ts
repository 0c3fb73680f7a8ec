// How `consume` grows with its processes, in one group: rows a second, the longest pause while members come and go, and
// whether every record is stored once.
// deno task bench:scaling [--records N] [--partitions 24] [--processes 1,2,4,8]

import { parseArgs } from "@std/cli/parse-args";
import { openWorkspace, type Workspace } from "../support/workspace.ts";
import { reset, routes, sqlOf } from "./rows.ts";

const flags = parseArgs(Deno.args, {
  string: ["records", "partitions", "processes"],
  default: { records: "2000000", partitions: "24", processes: "1,2,4,8" },
});
const records = Number(flags.records);
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

const LOOK_MS = 50;
const END_MS = 600_000;

/** A member of the group. */
interface Member {
  process: Deno.ChildProcess;
  ended: Promise<unknown>;
}

function join(workspace: Workspace): Member {
  const process = workspace.routes(["consume", "--follow", "--quiet"], {
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  return { process, ended: process.status };
}

/** Something that happens once a share of the records is stored. */
type Event = [share: number, happen: (members: Member[]) => void];

/** Starts so many processes and lets the events happen until every record is stored. */
async function run(workspace: Workspace, processes: number, events: Event[] = []) {
  await reset(workspace);
  const sql = sqlOf(workspace);
  const members = Array.from({ length: processes }, () => join(workspace));
  const left = [...events];
  const startedMs = performance.now();
  let [stored, firstMs, changedMs, pauseMs] = [0, 0, 0, 0];
  try {
    while (stored < records) {
      const [row] = await sql`
        select coalesce(sum(stored + rejected + tombstones), 0)::int as n from routes_sources`;
      const nowMs = performance.now();
      if (nowMs - startedMs > END_MS) throw new Error(`${stored} of ${records} after ten minutes`);
      if (row!.n > stored) {
        if (stored === 0) firstMs = nowMs;
        else pauseMs = Math.max(pauseMs, nowMs - changedMs);
        changedMs = nowMs;
        stored = row!.n;
      }
      if (left[0] && stored >= left[0][0] * records) left.shift()![1](members);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    const [{ rows, places }] = await sql`
      select count(*)::int as rows, count(distinct (source_id, source_offset))::int as places
      from routes_table` as unknown as [{ rows: number; places: number }];
    return {
      perSecond: stored / (changedMs - firstMs) * 1000,
      pauseMs,
      isExact: rows === records && places === records,
    };
  } finally {
    await sql.end();
    for (const { process } of members) {
      try {
        process.kill("SIGTERM");
      } catch {
        // It has ended.
      }
    }
    await Promise.all(members.map(({ ended }) => ended));
  }
}

const workspace = await openWorkspace("routes_scaling");
try {
  await routes(workspace, `migrate --create-database --topic --partitions ${flags.partitions}`);
  await routes(workspace, `produce --count ${records}`);
  const [load] = Deno.loadavg();
  say(
    `\n${records.toLocaleString("en")} records in ${flags.partitions} partitions, ` +
      `${navigator.hardwareConcurrency} cores for everything, load ${load!.toFixed(1)}\n`,
  );
  say("processes      rows/s   × one   longest pause   every record once");
  let one = 0;
  const print = (
    name: string,
    { perSecond, pauseMs, isExact }: Awaited<ReturnType<typeof run>>,
  ) => {
    one ||= perSecond;
    const cells = [
      name.padEnd(9),
      Math.round(perSecond).toLocaleString("en").padStart(11),
      (perSecond / one).toFixed(2).padStart(7),
      `${(pauseMs / 1000).toFixed(1)} s`.padStart(15),
      (isExact ? "yes" : "NO").padStart(19),
    ];
    say(cells.join(" "));
  };
  for (const processes of flags.processes.split(",").map(Number)) {
    print(String(processes), await run(workspace, processes));
  }
  const moves: Event[] = [
    [0.1, (members) => members.push(join(workspace))],
    [0.2, (members) => members[0]!.process.kill("SIGTERM")],
    [0.3, (members) => members[1]!.process.kill("SIGKILL")],
    [0.5, (members) => members.push(join(workspace))],
  ];
  print("2 +--+", await run(workspace, 2, moves));
  say(
    "\n+ a process joins, - one leaves: the first after SIGTERM, the second after kill -9, whose partitions wait for the session timeout",
  );
} finally {
  await workspace.close();
}
