import { openPostgres } from "../../src/postgres/connect.ts";
import { connectKafka, testSettings } from "../support/fixtures.ts";
import { openWorkspace, type Workspace } from "../support/workspace.ts";
import { idle, trickle } from "./following.ts";
import { type Cost, measure } from "./measure.ts";
import { pages } from "./pages.ts";
import type { Peers } from "./peers.ts";

/** One figure: ours, and that of a peer in the same run, if there is one. */
export interface Figure {
  what: string;
  ours: number;
  unit: string;
  /** CPU per record in µs, of our process and of the peer: it changes less with the load of the machine. */
  cpu?: number;
  peer?: { name: string; value: number | null; cpu?: number };
  /** A limit for the ratio to the peer, or for the figure itself if there is no peer. */
  wanted?: { atLeast?: number; atMost?: number };
}

/** The state of one run. */
export interface Bench {
  records: number;
  peers: Peers;
  workspace: Workspace;
  /** Whether the records are in the topic. */
  isFilled: boolean;
  /** The file for the finished rows. */
  rowsFile: string;
}

export const PARTITIONS = 12;

/** Creates an empty topic and an empty database. */
export async function openBench(records: number, peers: Peers): Promise<Bench> {
  const workspace = await openWorkspace("routes_bench");
  await routes(workspace, `migrate --create-database --topic --partitions ${PARTITIONS}`);
  return { records, peers, workspace, isFilled: false, rowsFile: `${workspace.dir}/rows.txt` };
}

/** The measurements, by name; each may depend on the previous ones. */
export const rows: Record<string, (bench: Bench) => Promise<Figure[]>> = {
  produce,
  consume,
  flat,
  scale,
  pages,
  query,
  verify,
  idle,
  trickle,
};

async function produce(bench: Bench): Promise<Figure[]> {
  const { records, peers, workspace } = bench;
  const ours = await routes(workspace, `produce --count ${records}`);
  bench.isFilled = true;
  const bootstrap = testSettings().kafka.brokers.join();
  const theirs = async (script: string, count: number) => {
    if (!peers.python) return { value: null };
    const topic = `${workspace.name}_${script.replace(".py", "")}`;
    await routes(workspace, `migrate --topic --partitions ${PARTITIONS} -X kafka.topic=${topic}`);
    const cost = await measure(peers.python(script, [bootstrap, topic, String(count)]));
    await removeTopic(topic);
    return rateOf(cost, count);
  };
  const { value, cpu } = rateOf(ours, records);
  const figure = { what: "produce", ours: value, cpu, unit: "records/s" };
  return [
    {
      ...figure,
      peer: { name: "librdkafka, json.dumps()", ...await theirs("produce.py", records) },
      wanted: { atLeast: 1 },
    },
    // A tenth of the records is enough.
    { ...figure, peer: { name: "kafka-python", ...await theirs("produce_pure.py", records / 10) } },
  ];
}

async function consume(bench: Bench): Promise<Figure[]> {
  const { records, peers, workspace, rowsFile } = bench;
  await fill(bench);
  await reset(workspace);
  const ours = await routes(workspace, "consume");
  const { value, cpu } = rateOf(ours, records);
  const tables = sqlOf(workspace);
  await tables.unsafe("create table if not exists peer (like routes_table including all)");
  const empty = () => tables.unsafe("truncate peer");
  const { servers: [{ host, port }], user } = testSettings().postgresql;
  let python: Rate = { value: null };
  if (peers.python) {
    const uri = `host=${host} port=${port} user=${user} dbname=${workspace.name}`;
    const args = [
      testSettings().kafka.brokers.join(),
      workspace.name,
      String(records),
      uri,
      "peer",
    ];
    python = rateOf(await measure(peers.python("consume.py", args)), records);
    await empty();
  }
  let copied: Rate = { value: null };
  if (peers.psql) {
    const psql = (line: string) => measure(peers.psql!(workspace.name, ["-c", line]));
    await psql(`\\copy routes_table to ${rowsFile}`);
    copied = rateOf(await psql(`\\copy peer from ${rowsFile}`), records);
    await empty();
  }
  await tables.end();
  const figure = { what: "consume", ours: value, cpu, unit: "rows/s" };
  return [
    {
      ...figure,
      peer: { name: "librdkafka + COPY, at least once", ...python },
      wanted: { atLeast: 1.5 },
    },
    {
      ...figure,
      peer: { name: "psql \\copy of the finished rows", ...copied },
      wanted: { atLeast: 0.55 },
    },
    { what: "consume, most memory", ours: ours.peakMb, unit: "MB", wanted: { atMost: 250 } },
  ];
}

/** CPU of `consume` per record, without the start. */
async function flat(bench: Bench): Promise<Figure[]> {
  const { records, workspace } = bench;
  await fill(bench);
  const cpu = async (count: number) => {
    await reset(workspace);
    return (await routes(workspace, `consume --count ${count}`)).cpuSeconds;
  };
  const start = await cpu(1);
  const each = async (count: number) => (await cpu(count) - start) / count * 1e6;
  const small = await each(records / 20);
  return [{
    what: `CPU of consume per record, ${records.toLocaleString("en")} in all`,
    ours: await each(records),
    unit: "µs",
    peer: { name: `${(records / 20).toLocaleString("en")} in all`, value: small },
    wanted: { atMost: 1.1 },
  }];
}

async function query(bench: Bench): Promise<Figure[]> {
  const { records, peers, workspace } = bench;
  await fill(bench, { stored: true });
  const ours = await measure(
    workspace.routes(["query", "--format", "ndjson"], { stdout: "null", stderr: "piped" }),
  );
  const columns = "user_id, timestamp, latitude, longitude";
  // The same rows in the same order.
  const order = "timestamp desc, user_id, source_id desc, source_offset desc, latitude, longitude";
  const copy = `copy (select ${columns} from routes_table order by ${order}) to stdout csv`;
  return [
    {
      what: "query, ndjson",
      ours: records / ours.seconds,
      unit: "rows/s",
      peer: {
        name: 'psql -c "copy … to stdout csv"',
        ...peers.psql
          ? rateOf(await measure(peers.psql(workspace.name, ["-c", copy])), records)
          : { value: null },
      },
      wanted: { atLeast: 0.8 },
    },
    { what: "query, most memory", ours: ours.peakMb, unit: "MB", wanted: { atMost: 250 } },
  ];
}

async function verify(bench: Bench): Promise<Figure[]> {
  await fill(bench, { stored: true });
  const { seconds } = await routes(bench.workspace, "verify");
  return [{
    what: "verify",
    ours: bench.records / seconds,
    unit: "records/s",
    wanted: { atLeast: 300_000 },
  }];
}

/** Several processes of one group with the same records, from the first start to the last end. */
async function scale(bench: Bench): Promise<Figure[]> {
  const { records, workspace } = bench;
  await fill(bench);
  const run = async (processes: number) => {
    await reset(workspace);
    const beganMs = performance.now();
    const costs = await Promise.all(
      Array.from({ length: processes }, () => routes(workspace, "consume")),
    );
    const cpuSeconds = costs.reduce((sum, cost) => sum + cost.cpuSeconds, 0);
    const sql = sqlOf(workspace);
    const [row] = await sql`select count(*)::int as stored from routes_table`;
    await sql.end();
    if (row!.stored !== records) throw new Error(`${row!.stored} rows of ${records} records`);
    return rateOf({ seconds: (performance.now() - beganMs) / 1000, cpuSeconds }, records);
  };
  const one = await run(1);
  const figures: Figure[] = [];
  for (const processes of [2, 3]) {
    const { value, cpu } = await run(processes);
    const what = `consume, ${processes} processes`;
    figures.push({ what, ours: value, cpu, unit: "rows/s", peer: { name: "one process", ...one } });
  }
  return figures;
}

interface Rate {
  value: number | null;
  cpu?: number;
}

/** Records and CPU by time. */
export function rateOf(
  { seconds, cpuSeconds }: Omit<Cost, "peakMb">,
  records: number,
): { value: number; cpu: number } {
  return { value: records / seconds, cpu: cpuSeconds / records * 1e6 };
}

/** Sends the records unless they are in the topic; with `stored`, also consumes them. */
export async function fill(bench: Bench, { stored = false } = {}): Promise<void> {
  if (!bench.isFilled) await routes(bench.workspace, `produce --count ${bench.records}`);
  bench.isFilled = true;
  if (stored) await routes(bench.workspace, "consume");
}

/** Empties the tables. */
export async function reset(workspace: Workspace): Promise<void> {
  const sql = sqlOf(workspace);
  await sql.unsafe("truncate routes_table, routes_sources, routes_rejects, routes_losses");
  await sql.unsafe("checkpoint");
  await sql.end();
}

/** Runs the program with a line of arguments. */
export async function routes(workspace: Workspace, line: string): ReturnType<typeof measure> {
  return await measure(workspace.routes(line.split(" "), { stdout: "null", stderr: "piped" }));
}

/** A client for the database of the workspace. */
export function sqlOf(workspace: Workspace) {
  const { postgresql } = testSettings();
  return openPostgres({ ...postgresql, database: workspace.name }, {
    readFile: Deno.readFileSync,
    log: null,
    max: 1,
  }).sql;
}

async function removeTopic(topic: string): Promise<void> {
  const admin = connectKafka().admin();
  await admin.connect();
  await admin.deleteTopics({ topics: [topic] });
  await admin.disconnect();
}
