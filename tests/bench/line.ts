// How much slower a long line makes produce and consume: both services are reached through a proxy that delivers every
// byte later. Starts services of its own, because the broker must advertise the proxy.
// deno task bench:line [--rtt 0,30] [--records N] [--partitions 1,3]

import { parseArgs } from "@std/cli/parse-args";
import { freePort, Sandbox } from "../support/child.ts";
import { openDelayLine } from "../support/delay_line.ts";
import { importFlags } from "../support/imports.ts";
import { startKafka } from "../support/kafka.ts";
import { programCommand } from "../support/permissions.ts";
import { startPostgres } from "../support/postgres.ts";
import { measure } from "./measure.ts";
import { findPeers } from "./peers.ts";

const flags = parseArgs(Deno.args, {
  string: ["rtt", "records", "partitions"],
  default: { rtt: "0,30", records: "300000", partitions: "1,3" },
});
const list = (text: string) => text.split(",").map(Number);
const records = Number(flags.records);
const say = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(line + "\n"));

const peers = await findPeers(say);
const [program, before] = programCommand(await importFlags(() => {}));
const sandbox = new Sandbox();
try {
  const inside = freePort();
  const toKafka = await openDelayLine(inside, 0);
  await startKafka({
    sandbox,
    say,
    properties: {
      listeners: `LINE://127.0.0.1:${inside}`,
      advertised: `LINE://127.0.0.1:${toKafka.port}`,
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,LINE:PLAINTEXT",
    },
  });
  const postgres = await startPostgres({ sandbox, say, settings: {} });
  const toPostgres = await openDelayLine(postgres.port, 0);
  const bootstrap = `127.0.0.1:${toKafka.port}`;
  const run = async (line: string, name: string) => {
    const settings = {
      "kafka.bootstrap_servers": bootstrap,
      "kafka.topic": name,
      "postgresql.port": toPostgres.port,
      "postgresql.dbname": name,
    };
    const set = Object.entries(settings).flatMap(([key, value]) => ["-X", `${key}=${value}`]);
    const args = [...before, ...line.split(" "), ...set];
    return await measure(
      new Deno.Command(program, { args, cwd: sandbox.dir, stdout: "null", stderr: "piped" }),
    );
  };
  say(`\n${records.toLocaleString("en")} records, start-up included, records a second\n`);
  say("rtt ms  partitions   produce  librdkafka     consume");
  for (const rtt of list(flags.rtt)) {
    for (const partitions of list(flags.partitions)) {
      const name = `line_${rtt}_${partitions}`;
      toKafka.delayMs = toPostgres.delayMs = 0;
      for (const topic of [name, `${name}_peer`]) {
        await run(`migrate --create-database --topic --partitions ${partitions}`, topic);
      }
      toKafka.delayMs = toPostgres.delayMs = rtt / 2;
      const produced = await run(`produce --count ${records}`, name);
      const peer = peers.python &&
        await measure(peers.python("produce.py", [bootstrap, `${name}_peer`, String(records)]));
      const consumed = await run("consume", name);
      const rates = [produced, peer, consumed].map((cost) =>
        cost ? Math.round(records / cost.seconds).toLocaleString("en") : "missing"
      );
      say(
        [String(rtt).padStart(6), String(partitions).padStart(10)]
          .concat(rates.map((rate) => rate.padStart(10))).join("  "),
      );
    }
  }
  await Promise.all([toKafka.close(), toPostgres.close()]);
} finally {
  await sandbox.close();
}
Deno.exit(0);
