// How much slower a long line makes the program, beside librdkafka: both services are reached through a proxy that
// delivers every byte later and does not limit the rate.
// deno task bench:line [--rtt 0,30,100] [--records N] [--partitions 1,3] [--runs N] [--tls]

import { parseArgs } from "@std/cli/parse-args";
import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { startFarServices } from "./line_services.ts";
import { type Cost, measure, median } from "./measure.ts";
import { findPeers } from "./peers.ts";

const flags = parseArgs(Deno.args, {
  string: ["rtt", "records", "partitions", "runs"],
  boolean: ["tls"],
  default: { rtt: "0,30,100", records: "300000", partitions: "1,3", runs: "1" },
});
const list = (text: string) => text.split(",").map(Number);
const [records, runs] = [Number(flags.records), Number(flags.runs)];
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

/** Most bytes of memory of `consume`, and records a second. */
interface Row {
  produce: number;
  producePeer: number;
  consume: number;
  consumePeer: number;
  peakMb: number;
}

const peers = await findPeers(say);
const [program, before] = programCommand(await importFlags(() => {}));
const far = await startFarServices({ tls: flags.tls, say });
let topics = 0;

try {
  say(
    `\n${records.toLocaleString("en")} records, ${flags.tls ? "TLS" : "no TLS"}, start-up ` +
      `included, median of ${runs}, load ${Deno.loadavg()[0]!.toFixed(1)}; × compares with ` +
      "librdkafka (with COPY), % with the first round trip\n",
  );
  say("rtt ms  partitions     produce     ×     %     consume     ×     %   consume MB");
  const first = new Map<number, Row>();
  for (const rtt of list(flags.rtt)) {
    for (const partitions of list(flags.partitions)) {
      const all: Row[] = [];
      for (let run = 0; run < runs; run++) all.push(await measureRow(rtt, partitions));
      const of = (value: (row: Row) => number) => median(all.map(value));
      const row: Row = {
        produce: of(({ produce }) => produce),
        producePeer: of(({ producePeer }) => producePeer),
        consume: of(({ consume }) => consume),
        consumePeer: of(({ consumePeer }) => consumePeer),
        peakMb: of(({ peakMb }) => peakMb),
      };
      if (!first.has(partitions)) first.set(partitions, row);
      const near = first.get(partitions)!;
      const cells = [
        String(rtt).padStart(6),
        String(partitions).padStart(10),
        ...rates(row.produce, row.producePeer, near.produce),
        ...rates(row.consume, row.consumePeer, near.consume),
        row.peakMb.toFixed(0).padStart(11),
      ];
      say(cells.join("  "));
    }
  }
  await sayRoundTrips(Math.max(...list(flags.rtt), 30));
} finally {
  await far.close();
}
Deno.exit(0);

function rates(ours: number, peer: number, near: number): string[] {
  return [
    Math.round(ours).toLocaleString("en").padStart(10),
    (ours / peer).toFixed(2).padStart(4),
    (100 * ours / near).toFixed(0).padStart(4),
  ];
}

async function measureRow(rtt: number, partitions: number): Promise<Row> {
  const name = `line_${++topics}`;
  far.setRtt(0);
  for (const topic of [name, `${name}_peer`]) {
    await routes(`migrate --create-database --topic --partitions ${partitions}`, topic);
  }
  far.setRtt(rtt);
  const rate = (cost: Cost | null) => cost ? records / cost.seconds : NaN;
  const produced = await routes(`produce --count ${records}`, name);
  const producedByPeer = await peer("produce.py", [`${name}_peer`, String(records)]);
  const consumed = await routes("consume", name);
  const args = [name, String(records), far.conninfo(`${name}_peer`), "routes_table"];
  const consumedByPeer = await peer("consume.py", args);
  far.setRtt(0);
  for (const topic of [name, `${name}_peer`]) await far.removeTopic(topic);
  return {
    produce: rate(produced),
    producePeer: rate(producedByPeer),
    consume: rate(consumed),
    consumePeer: rate(consumedByPeer),
    peakMb: consumed.peakMb,
  };
}

/** How many round trips a command takes one after the other: what the line adds to its time, divided by the line. */
async function sayRoundTrips(rtt: number): Promise<void> {
  far.setRtt(0);
  await routes("migrate --create-database --topic --partitions 3", "line_start");
  const counts: string[] = [];
  for (const line of ["produce --count 10", "consume", "query --limit 10", "check"]) {
    const seconds: number[] = [];
    for (const ms of [0, rtt]) {
      far.setRtt(0);
      if (line === "consume") await routes("produce --count 10", "line_start");
      far.setRtt(ms);
      seconds.push((await routes(line, "line_start")).seconds);
    }
    counts.push(`${line}: ${((seconds[1]! - seconds[0]!) * 1000 / rtt).toFixed(1)}`);
  }
  say(`\nround trips from start to end: ${counts.join(", ")}`);
}

async function routes(line: string, topic: string): Promise<Cost> {
  const args = [...before, ...line.split(" "), ...far.settings(topic)];
  return await measure(
    new Deno.Command(program, { args, cwd: far.dir, stdout: "null", stderr: "piped" }),
  );
}

async function peer(script: string, args: string[]): Promise<Cost | null> {
  if (!peers.python) return null;
  const env = { PEER_KAFKA: JSON.stringify(far.librdkafka) };
  return await measure(peers.python(script, [far.bootstrap, ...args], env));
}
