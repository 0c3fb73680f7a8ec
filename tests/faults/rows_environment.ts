import { importFlags } from "../support/imports.ts";
import { type Cluster, sleep, until } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { withScenario } from "./with_scenario.ts";
import { SESSION_MS } from "./scenario.ts";

/** Faults of the environment of a process, and faults that have test files of their own. */
export const environmentRows: Row[] = [
  {
    id: 19,
    fault: "concurrent migrations, kill -9 during DDL, edited, removed and newer files, held locks",
    run: (cluster) => runTests(cluster, "tests/process/migrate_test.ts"),
  },
  {
    id: 20,
    fault:
      "certificates: expired, of another CA or name, renewed, with another key; TLS to plain ports",
    run: (cluster) => runTests(cluster, "tests/tls"),
  },
  {
    id: 22,
    fault: "stdout closed during a run; the clock set 10 years ahead and back",
    run: async (cluster) => `${await closedPipe(cluster)}; ${await clock(cluster)}`,
  },
];

/** Runs tests, or those whose names fit the filter, against the services of the cluster; throws unless all pass. */
export async function runTests(
  { sandbox, kafka, postgres, root }: Cluster,
  path: string,
  filter = "",
): Promise<string> {
  const config = `${sandbox.dir}/host_settings.ini`;
  await Deno.writeTextFile(
    config,
    `[kafka]\nbootstrap_servers = ${kafka.bootstrap}\n\n` +
      `[postgresql]\nhost = 127.0.0.1\nport = ${postgres.port}\n`,
  );
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", "--no-check", ...await importFlags(() => {}), `--filter=${filter}`, path],
    cwd: root,
    env: { ROUTES_TEST_CONFIG: config, NO_COLOR: "1" },
    stderr: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  const passed = /(\d+) passed/.exec(text)?.[1];
  if (!success || !passed) throw new Error(text.slice(-4_000));
  return `${path}: ${passed} tests passed`;
}

/** If the reader of --tee closes the pipe, the process ends with 0, and another one continues. */
function closedPipe(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const reader = await scenario.start(["--follow", "--tee"]);
    await until("the first line on stdout", () => reader.out.includes("\n"), 30_000);
    await reader.closeOut();
    const { code } = await reader.end(30_000);
    if (code !== 0) throw new Error(`ended with ${code}:\n${reader.err}`);
    await scenario.progress(500);
    await scenario.feed.stop();
    await scenario.catchUp();
    return `${await scenario.check()}; ended with 0`;
  }, { processes: 1 });
}

/** From Debian's package libfaketime; it changes the time that a process sees. */
const FAKETIME = `/usr/lib/${Deno.build.arch}-linux-gnu/faketime/libfaketime.so.1`;
const JUMPS = ["+3650d", "+0", "-3650d", "+0"];

/** The clocks of all processes jump during the run. Timeouts must neither end at once nor last forever. */
async function clock(cluster: Cluster): Promise<string> {
  const file = `${cluster.sandbox.dir}/time`;
  const jump = async (offset: string) => {
    await Deno.writeTextFile(`${file}.new`, `${offset}\n`);
    await Deno.rename(`${file}.new`, file);
  };
  await jump("+0");
  if (!await Deno.stat(FAKETIME).catch(() => null)) {
    return "the clock was not tested: libfaketime is missing";
  }
  const env = {
    LD_PRELOAD: FAKETIME,
    FAKETIME_TIMESTAMP_FILE: file,
    FAKETIME_NO_CACHE: "1",
    FAKETIME_DONT_FAKE_MONOTONIC: "1",
  };
  return await withScenario(cluster, async (scenario) => {
    const took: string[] = [];
    for (const offset of JUMPS) {
      await jump(offset);
      // By then the session of a process without heartbeats has expired.
      await sleep(2 * SESSION_MS);
      await scenario.waitForMembers(3);
      // The watchdog uses the same clock, and must still notice a fault.
      cluster.toKafka.dropOpen();
      const ms = await scenario.progress(scenario.partitions * 300);
      took.push(`${offset}: ${(ms / 1000).toFixed(1)} s`);
    }
    await scenario.feed.stop();
    await scenario.catchUp();
    return `clock ${took.join(", ")}: ${await scenario.check()}`;
  }, { env, perSecond: 500, args: ["--follow", "--timeout", "5s"] });
}
