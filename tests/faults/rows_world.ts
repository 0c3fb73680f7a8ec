import { importFlags } from "../support/imports.ts";
import { type Cluster, sleep, until } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";
import { SESSION_MS } from "./scenario.ts";

/** Faults of what surrounds a process; and those for which tests of their own stand, which run here too. */
export const worldRows: Row[] = [
  {
    id: 19,
    fault: "two migrate at once, kill -9 amid DDL, edited, removed and newer files, locks held",
    run: (cluster) => runTests(cluster, "tests/process/migrate_test.ts"),
  },
  {
    id: 20,
    fault: "certificates expired, foreign, misnamed, revoked, not fitting their keys; TLS in plain",
    run: (cluster) => runTests(cluster, "tests/tls"),
  },
  {
    id: 22,
    fault: "stdout closed while it is written to; the clock put 10 years on and back",
    run: async (cluster) => `${await closedPipe(cluster)}; ${await clock(cluster)}`,
  },
];

/** Runs tests against the services at hand; throws what they printed unless all pass. */
async function runTests(
  { sandbox, kafka, postgres, root }: Cluster,
  path: string,
): Promise<string> {
  const config = `${sandbox.dir}/host_settings.ini`;
  await Deno.writeTextFile(
    config,
    `[kafka]\nbootstrap_servers = ${kafka.bootstrap}\n\n` +
      `[postgresql]\nhost = 127.0.0.1\nport = ${postgres.port}\n`,
  );
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...await importFlags(() => {}), path],
    cwd: root,
    env: { ROUTES_TEST_CONFIG: config, NO_COLOR: "1" },
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const passed = /(\d+) passed/.exec(text)?.[1];
  if (!success || !passed) throw new Error(text.slice(-4_000));
  return `${path}: ${passed} tests passed`;
}

/** Whoever reads along may go away: that is a good end, and another process goes on. */
function closedPipe(cluster: Cluster): Promise<string> {
  return withScene(cluster, async (scenario) => {
    const reader = await scenario.start(["--follow", "--tee"]);
    await until("the first line on stdout", () => reader.out.includes("\n"), 30_000);
    await reader.closeOut();
    const { code } = await reader.end(30_000);
    if (code !== 0) throw new Error(`ended with ${code}:\n${reader.err}`);
    await scenario.progress(500);
    await scenario.feed.stop();
    await scenario.caughtUp();
    return `${await scenario.check()}; ended with 0`;
  }, { processes: 1 });
}

/** Debian's package of that name; with it a process sees another time than its neighbours. */
const FAKETIME = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketime.so.1`;
const JUMPS = ["+3650d", "+0", "-3650d", "+0"];

/** The clocks of all processes jump while they work. What they wait for by the clock must neither end at once nor never. */
async function clock(cluster: Cluster): Promise<string> {
  const file = `${cluster.sandbox.dir}/time`;
  const jump = async (offset: string) => {
    await Deno.writeTextFile(`${file}.new`, `${offset}\n`);
    await Deno.rename(`${file}.new`, file);
  };
  await jump("+0");
  if (!await Deno.stat(FAKETIME).catch(() => null)) return "clock untried: there is no libfaketime";
  const env = {
    LD_PRELOAD: FAKETIME,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  return await withScene(cluster, async (scenario) => {
    const took: string[] = [];
    for (const offset of JUMPS) {
      await jump(offset);
      // The session of whoever sends no sign of life any more has run out by then.
      await sleep(2 * SESSION_MS);
      await scenario.together(3);
      // The watchdog, whose hands are on the same clock, must see a fault as ever.
      cluster.toKafka.strand();
      const ms = await scenario.progress(scenario.partitions * 300);
      took.push(`${offset}: ${(ms / 1000).toFixed(1)} s`);
    }
    await scenario.feed.stop();
    await scenario.caughtUp();
    return `clock ${took.join(", ")}: ${await scenario.check()}`;
  }, { env, perSecond: 500, args: ["--follow", "--timeout", "5s"] });
}
