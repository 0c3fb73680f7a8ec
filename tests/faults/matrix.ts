import { parseArgs } from "@std/cli/parse-args";
import { drawFrom } from "../fakes/random.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { auditRows } from "./rows_audit.ts";
import { clusterRows } from "./rows_cluster.ts";
import { groupRows } from "./rows_groups.ts";
import { heavyRows } from "./rows_heavy.ts";
import { kafkaRows } from "./rows_kafka.ts";
import { processRows } from "./rows_processes.ts";
import { networkRows } from "./rows_network.ts";
import { outageRows } from "./rows_outages.ts";
import { peerRows } from "./rows_peers.ts";
import { postgresRows } from "./rows_postgres.ts";
import { producerRows } from "./rows_producer.ts";
import { recordRows } from "./rows_records.ts";
import { environmentRows } from "./rows_environment.ts";
import { soakRow } from "./soak.ts";

/** One fault, and the check that the program survives it. */
export interface Row {
  id: number;
  fault: string;
  /** Throws if a record is lost or duplicated, or the program is stuck; otherwise returns a summary. */
  run(cluster: Cluster): Promise<string>;
}

/** The result of one row. */
export interface Result {
  row: Row;
  passed: boolean;
  what: string;
  seconds: number;
}

/** Every row, by number. */
export const rows: Row[] = [
  ...processRows,
  ...postgresRows,
  ...kafkaRows,
  ...clusterRows,
  ...networkRows,
  ...producerRows,
  ...recordRows,
  ...heavyRows,
  ...environmentRows,
  ...auditRows,
  ...groupRows,
  ...outageRows,
  ...peerRows,
]
  .sort((a, b) => a.id - b.id);

/** Runs a row and returns its result, also if it fails; its random numbers depend only on the seed and the row. */
export async function runRow(row: Row, opened: Cluster): Promise<Result> {
  const cluster = { ...opened, draw: drawFrom(opened.seed + row.id) };
  const began = performance.now();
  const result = (passed: boolean, what: string): Result => {
    return { row, passed, what, seconds: (performance.now() - began) / 1000 };
  };
  try {
    return result(true, await row.run(cluster));
  } catch (error) {
    return result(false, (error as Error).stack ?? String(error));
  }
}

/** A line of the table. */
export function showResult({ row, passed, what, seconds }: Result): string {
  return `${String(row.id).padStart(2)} | ${row.fault} | ${what} | ` +
    `${passed ? "passed" : "FAILED"} | ${seconds.toFixed(1)} s`;
}

/** Rows by their numbers, such as `3,8`. */
export function chooseRows(only: string | undefined, minutes: number): Row[] {
  const all = [...rows, soakRow(minutes)].sort((a, b) => a.id - b.id);
  if (!only) return all;
  return only.split(",").map((id) => {
    const row = all.find((row) => row.id === Number(id));
    if (!row) throw new Error(`there is no row ${id}: expected some of ${all.map((r) => r.id)}`);
    return row;
  });
}

/** Runs rows from the queue until it is empty, each worker with its own services. */
async function work(queue: Row[], seed: number, report: (result: Result) => void): Promise<void> {
  const cluster = await openCluster({ seed });
  try {
    for (let row; (row = queue.shift());) report(await runRow(row, cluster));
  } finally {
    await cluster.close();
  }
}

async function main(): Promise<number> {
  const flags = parseArgs(Deno.args, { string: ["seed", "only", "minutes", "jobs"] });
  const seed = Number(flags.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
  const queue = chooseRows(flags.only, Number(flags.minutes ?? 1));
  print(`seed ${seed}`);
  const results: Result[] = [];
  const report = (result: Result) => {
    results.push(result);
    print(showResult(result));
  };
  // A row mostly waits, so several can run at the same time.
  const jobs = Array.from({ length: Number(flags.jobs ?? 1) }, () => work(queue, seed, report));
  await Promise.all(jobs);
  const failed = results.filter(({ passed }) => !passed);
  print(`\n${results.length - failed.length} passed, ${failed.length} failed`);
  return failed.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main());
