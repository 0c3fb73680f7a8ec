import { connectKafka } from "../support/fixtures.ts";
import type { Workspace } from "../support/workspace.ts";
import { usageOf } from "./measure.ts";
import { type Bench, type Figure, PARTITIONS, reset, routes, sqlOf } from "./rows.ts";

const IDLE_SECONDS = 20;
/** By then compilation and garbage collection after the start are done. */
const SETTLED_SECONDS = 10;

/** The CPU time of `consume --follow` without records. */
export async function idle({ workspace }: Bench): Promise<Figure[]> {
  return await following(workspace, async (pid) => {
    await new Promise((resolve) => setTimeout(resolve, SETTLED_SECONDS * 1000));
    const before = usageOf(pid);
    await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
    const used = (usageOf(pid)?.cpuSeconds ?? NaN) - (before?.cpuSeconds ?? NaN);
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

/** The time from the broker's acknowledgement to the visible row. */
export async function trickle({ workspace }: Bench): Promise<Figure[]> {
  await reset(workspace);
  const sql = sqlOf(workspace);
  const producer = connectKafka().producer({ createPartitioner: () => () => 0 });
  await producer.connect();
  const waiting = new Map<string, number>();
  const delays: number[] = [];
  const figures = await following(workspace, async () => {
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
      const [answer] = await producer.send({ topic: workspace.name, messages });
      waiting.set(`${answer!.partition} ${answer!.baseOffset}`, performance.now());
      await due;
    }
    producing = false;
    await polling;
    // Rows of one statement have the same transaction id.
    const [{ statements }] = await sql`
      select count(distinct xmin::text)::int as statements
      from (select xmin from routes_table offset ${before}) as row` as unknown as [
      { statements: number },
    ];
    delays.sort((a, b) => a - b);
    return [
      {
        what: "100 records/s: 99 of 100 rows are stored within",
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

/** Runs `work` while `consume --follow` has nothing left to read. */
async function following(
  workspace: Workspace,
  work: (pid: number) => Promise<Figure[]>,
): Promise<Figure[]> {
  await routes(workspace, "consume");
  const child = workspace.routes(["consume", "--follow", "--quiet"], { stderr: "null" }).spawn();
  try {
    // Time to join the group.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    return await work(child.pid);
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}
