// `deno task versions`: the main tests against every supported version of Kafka and PostgreSQL. No remote imports: see task.ts.

import { Sandbox } from "./child.ts";
import { importFlags } from "./imports.ts";
import { startKafka } from "./kafka.ts";
import { startPostgres } from "./postgres.ts";

const ROOT = `${import.meta.dirname}/../..`;

/** The newest of each major version, from npm and Maven; each PostgreSQL with the newest Kafka, and the reverse. */
const POSTGRES = [
  "13.23.0-beta.16",
  "14.23.0-beta.17",
  "15.18.0-beta.17",
  "16.14.0-beta.17",
  "17.10.0-beta.17",
  "18.4.0-beta.17",
];
const KAFKA = ["2.8.2", "3.3.2", "3.9.1", "4.3.1"];

/** Each command, a restart of the consumer, and the upgrade of tables. */
const TESTS = ["roundtrip", "verify", "migrate", "skip"].map((name) =>
  `tests/process/${name}_test.ts`
);

type Say = (line: string) => void;

/** Runs the tests for each pair, or only for those whose name contains the word given; prints a line for each. */
export async function versions([only = ""]: string[], say: Say): Promise<number> {
  const flags = await importFlags(say);
  const pairs = [
    ...POSTGRES.map((postgres) => ({ postgres, kafka: KAFKA.at(-1)! })),
    ...KAFKA.slice(0, -1).map((kafka) => ({ kafka, postgres: POSTGRES.at(-1)! })),
  ].map((pair) => ({ ...pair, name: `Kafka ${pair.kafka}, PostgreSQL ${pair.postgres}` }));
  let failed = 0;
  for (const { name, ...pair } of pairs.filter(({ name }) => name.includes(only))) {
    const result = await runOne(pair, flags, say).catch((error) => `FAILED: ${error.message}`);
    if (!result.startsWith("passed")) failed++;
    Deno.stdout.writeSync(new TextEncoder().encode(`${name.padEnd(45)} ${result}\n`));
  }
  return failed > 0 ? 1 : 0;
}

async function runOne(
  { postgres: postgresVersion, kafka: kafkaVersion }: { postgres: string; kafka: string },
  flags: string[],
  say: Say,
): Promise<string> {
  const sandbox = new Sandbox();
  try {
    const kafka = await startKafka({ sandbox, say, version: kafkaVersion });
    const postgres = await startPostgres({ sandbox, say, version: postgresVersion });
    const config = `${sandbox.dir}/host_settings.ini`;
    await Deno.writeTextFile(
      config,
      `[kafka]\nbootstrap_servers = ${kafka.bootstrap}\n\n` +
        `[postgresql]\nhost = 127.0.0.1\nport = ${postgres.port}\n`,
    );
    const began = performance.now();
    const { success, stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--no-check", ...flags, ...TESTS],
      cwd: ROOT,
      env: { ROUTES_TEST_CONFIG: config, NO_COLOR: "1" },
      stderr: "null",
    }).output();
    const seconds = ((performance.now() - began) / 1000).toFixed();
    await Promise.all([kafka.stop(), postgres.stop("SIGQUIT")]);
    if (success) return `passed in ${seconds} s`;
    return `FAILED\n${new TextDecoder().decode(stdout).slice(-3_000)}`;
  } finally {
    await sandbox.close();
  }
}
