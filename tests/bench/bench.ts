// What a person gets: the program as a process, real services, start-up and all. deno task bench [RECORDS]

import { openStage } from "../support/stage.ts";

const RECORDS = Number(Deno.args[0] ?? 300_000);
const RUNS = 3;
const PARTITIONS = 12;

const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

const rates: Record<string, number[]> = {};
for (let run = 0; run < RUNS; run++) {
  const stage = await openStage("routes_bench");
  const routes = async (line: string) => {
    const output = await stage.routes([...line.split(" "), "--json"], { stdout: "piped" }).output();
    if (!output.success) throw new Error(`routes ${line} failed`);
    return JSON.parse(new TextDecoder().decode(output.stdout));
  };
  try {
    await routes(`migrate --create-database --topic --partitions ${PARTITIONS}`);
    const produced = await routes(`produce --count ${RECORDS} --seed ${run}`);
    const consumed = await routes("consume");
    if (produced.acked !== RECORDS || consumed.stored !== RECORDS) throw new Error("records lost");
    (rates["produce, records/s"] ??= []).push(RECORDS / produced.seconds);
    (rates["consume, rows/s"] ??= []).push(RECORDS / consumed.seconds);
  } finally {
    await stage.close();
  }
}
say(
  `${RECORDS} records, ${PARTITIONS} partitions, ${navigator.hardwareConcurrency} cores, ` +
    `median of ${RUNS}`,
);
for (const [name, runs] of Object.entries(rates)) {
  const median = Math.round(runs.sort((a, b) => a - b)[Math.floor(RUNS / 2)]!);
  say(`${name.padEnd(20)} ${median.toLocaleString("en").padStart(9)}`);
}
