import { openPostgres } from "../../src/postgres/connect.ts";
import { connectKafka, testSettings } from "../support/room.ts";
import { openStage, type Stage } from "../support/stage.ts";
import { type Cost, look, measure } from "./measure.ts";
import type { Peers } from "./peers.ts";

/** One figure: ours, and that of a peer in the same run, where there is one. */
export interface Figure {
  what: string;
  ours: number;
  unit: string;
  /** CPU of our process a record, in µs; of the peer's likewise. Where a machine has more to do, they still tell. */
  cpu?: number;
  peer?: { name: string; value: number | null; cpu?: number };
  /** At least, or at most: a ratio to the peer where there is one, else the figure itself. */
  wanted?: { atLeast?: number; atMost?: number };
}

/** What is measured at a time. */
export interface Bench {
  records: number;
  peers: Peers;
  stage: Stage;
  /** A file of the finished rows, once there is one. */
  rowsFile: string;
}

const PARTITIONS = 12;

/** An own topic and database, both empty. */
export async function openBench(records: number, peers: Peers): Promise<Bench> {
  const stage = await openStage("routes_bench");
  await routes(stage, `migrate --create-database --topic --partitions ${PARTITIONS}`);
  return { records, peers, stage, rowsFile: `${stage.dir}/rows.txt` };
}

/** What can be measured, by name; each may lean on those before it. */
export const rows: Record<string, (bench: Bench) => Promise<Figure[]>> = {
  produce,
  consume,
  flat,
  query,
  verify,
  idle,
  trickle,
};

async function produce({ records, peers, stage }: Bench): Promise<Figure[]> {
  const ours = await routes(stage, `produce --count ${records}`);
  const bootstrap = testSettings().kafka.brokers.join();
  const theirs = async (script: string, count: number) => {
    if (!peers.python) return { value: null };
    const topic = `${stage.name}_${script.replace(".py", "")}`;
    await routes(stage, `migrate --topic --partitions ${PARTITIONS} -X kafka.topic=${topic}`);
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
    // A tenth of the records is enough to tell.
    { ...figure, peer: { name: "kafka-python", ...await theirs("produce_pure.py", records / 10) } },
  ];
}

async function consume(bench: Bench): Promise<Figure[]> {
  const { records, peers, stage, rowsFile } = bench;
  await fill(bench);
  await forget(stage);
  const ours = await routes(stage, "consume");
  const { value, cpu } = rateOf(ours, records);
  const tables = sqlOf(stage);
  await tables.unsafe("create table if not exists peer (like routes_table including all)");
  const empty = () => tables.unsafe("truncate peer");
  const { host, port, user } = testSettings().postgresql;
  let byHand: Rate = { value: null };
  if (peers.python) {
    const uri = `host=${host} port=${port} user=${user} dbname=${stage.name}`;
    const args = [testSettings().kafka.brokers.join(), stage.name, String(records), uri, "peer"];
    byHand = rateOf(await measure(peers.python("consume.py", args)), records);
    await empty();
  }
  let copied: Rate = { value: null };
  if (peers.psql) {
    const psql = (line: string) => measure(peers.psql!(stage.name, ["-c", line]));
    await psql(`\\copy routes_table to ${rowsFile}`);
    copied = rateOf(await psql(`\\copy peer from ${rowsFile}`), records);
    await empty();
  }
  await tables.end();
  const figure = { what: "consume", ours: value, cpu, unit: "rows/s" };
  return [
    {
      ...figure,
      peer: { name: "librdkafka + COPY, at least once", ...byHand },
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

/** CPU of `consume` a record, without what it takes to start. */
async function flat(bench: Bench): Promise<Figure[]> {
  const { records, stage } = bench;
  await fill(bench);
  const cpu = async (count: number) => {
    await forget(stage);
    return (await routes(stage, `consume --count ${count}`)).cpuSeconds;
  };
  const start = await cpu(1);
  const each = async (count: number) => (await cpu(count) - start) / count * 1e6;
  const small = await each(records / 20);
  return [{
    what: `CPU of consume a record, ${records.toLocaleString("en")} in all`,
    ours: await each(records),
    unit: "µs",
    peer: { name: `${(records / 20).toLocaleString("en")} in all`, value: small },
    wanted: { atMost: 1.1 },
  }];
}

async function query(bench: Bench): Promise<Figure[]> {
  const { records, peers, stage } = bench;
  await fill(bench, { stored: true });
  const ours = await measure(
    stage.routes(["query", "--format", "ndjson"], { stdout: "null", stderr: "piped" }),
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
          ? rateOf(await measure(peers.psql(stage.name, ["-c", copy])), records)
          : { value: null },
      },
      wanted: { atLeast: 0.5 },
    },
    { what: "query, most memory", ours: ours.peakMb, unit: "MB", wanted: { atMost: 250 } },
  ];
}

async function verify(bench: Bench): Promise<Figure[]> {
  await fill(bench, { stored: true });
  const { seconds } = await routes(bench.stage, "verify");
  return [{
    what: "verify",
    ours: bench.records / seconds,
    unit: "records/s",
    wanted: { atLeast: 300_000 },
  }];
}

const IDLE_SECONDS = 10;

async function idle({ stage }: Bench): Promise<Figure[]> {
  return await following(stage, async (pid) => {
    const before = look(pid);
    await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
    const used = (look(pid)?.cpuSeconds ?? NaN) - (before?.cpuSeconds ?? NaN);
    return [{
      what: "consume --follow without records",
      ours: used / IDLE_SECONDS * 100,
      unit: "% of a core",
      wanted: { atMost: 1 },
    }];
  });
}

const TRICKLE_SECONDS = 10;
const TRICKLE_MS = 10;
const POLL_MS = 5;

/** From the broker's word that it has a record to the moment at which its row can be seen. */
async function trickle({ stage }: Bench): Promise<Figure[]> {
  await forget(stage);
  const sql = sqlOf(stage);
  const producer = connectKafka().producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  const waiting = new Map<string, number>();
  const delays: number[] = [];
  const figures = await following(stage, async () => {
    let producing = true;
    const seen = new Map<number, number>();
    const poll = async () => {
      while (producing || waiting.size > 0) {
        const found = await sql`select partition, next_offset from routes_sources`;
        const nowMs = performance.now();
        for (const { partition, next_offset: next } of found) {
          for (let offset = seen.get(partition) ?? 0; offset < Number(next); offset++) {
            const ackedMs = waiting.get(`${partition} ${offset}`);
            if (ackedMs !== undefined) delays.push(Math.max(nowMs - ackedMs, 0));
            waiting.delete(`${partition} ${offset}`);
          }
          seen.set(partition, Number(next));
        }
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    };
    for (const { partition, next_offset } of await sql`select * from routes_sources`) {
      seen.set(partition, Number(next_offset));
    }
    const [{ before }] = await sql`select count(*)::int as before from routes_table` as unknown as [
      { before: number },
    ];
    const polling = poll();
    const value = '{"userID":7,"timestamp":1732431234.5,"coordinates":[60.1,24.9]}';
    for (let i = 0; i < TRICKLE_SECONDS * 1000 / TRICKLE_MS; i++) {
      const due = new Promise((resolve) => setTimeout(resolve, TRICKLE_MS));
      const messages = [{ partition: i % PARTITIONS, value }];
      const [answer] = await producer.send({ topic: stage.name, messages });
      waiting.set(`${answer!.partition} ${answer!.baseOffset}`, performance.now());
      await due;
    }
    producing = false;
    await polling;
    // Rows of one statement carry the number of one transaction.
    const [{ statements }] = await sql`
      select count(distinct xmin::text)::int as statements
      from (select xmin from routes_table offset ${before}) as row` as unknown as [
      { statements: number },
    ];
    delays.sort((a, b) => a - b);
    return [
      {
        what: "100 records/s: 99 of 100 rows are there within",
        ours: delays[Math.floor(delays.length * 0.99)]!,
        unit: "ms",
        wanted: { atMost: 300 },
      },
      {
        what: "100 records/s: statements",
        ours: statements / TRICKLE_SECONDS,
        unit: "/s",
        wanted: { atMost: 10 },
      },
    ];
  });
  await producer.disconnect();
  await sql.end();
  return figures;
}

/** Does something beside `consume --follow`, once that has nothing left to read. */
async function following(
  stage: Stage,
  work: (pid: number) => Promise<Figure[]>,
): Promise<Figure[]> {
  await routes(stage, "consume");
  const child = stage.routes(["consume", "--follow", "--quiet"], { stderr: "null" }).spawn();
  try {
    // Until it has joined the group and come to rest.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    return await work(child.pid);
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

interface Rate {
  value: number | null;
  cpu?: number;
}

function rateOf({ seconds, cpuSeconds }: Cost, records: number): { value: number; cpu: number } {
  return { value: records / seconds, cpu: cpuSeconds / records * 1e6 };
}

/** At least as many records in the topic as are measured; with `stored` they are rows too, and nothing else is. */
async function fill({ records, stage }: Bench, { stored = false } = {}): Promise<void> {
  const admin = connectKafka().admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(stage.name);
  await admin.disconnect();
  const there = offsets.reduce((sum, { high }) => sum + Number(high), 0);
  if (there < records) await routes(stage, `produce --count ${records - there}`);
  if (stored) await routes(stage, "consume");
}

/** As if nothing had been consumed. */
async function forget(stage: Stage): Promise<void> {
  const sql = sqlOf(stage);
  await sql.unsafe("truncate routes_table, routes_sources, routes_rejects, routes_losses");
  await sql.unsafe("checkpoint");
  await sql.end();
}

async function routes(stage: Stage, line: string): ReturnType<typeof measure> {
  return await measure(stage.routes(line.split(" "), { stdout: "null", stderr: "piped" }));
}

function sqlOf(stage: Stage) {
  const { postgresql } = testSettings();
  return openPostgres({ ...postgresql, database: stage.name }, {
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
