import { assert, assertEquals, assertMatch } from "@std/assert";
import { withBadServers } from "../support/bad_servers.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** Fails unless the run ends in time, with one message that names the server. */
async function endsInTime(
  fixture: ProgramFixture,
  line: string,
  at: string,
  env = {},
): Promise<void> {
  const beganAt = performance.now();
  const { code, stdout, stderr } = await fixture.routes([...line.split(" "), "--timeout=5s"], {
    env,
  });
  const seconds = (performance.now() - beganAt) / 1000;
  const messages = (stdout + stderr).match(/^(routes:|✗) .*/gm) ?? [];
  assertEquals([code, messages.length], [69, 1], `${line}: ${stdout}${stderr}`);
  assertMatch(messages[0]!, new RegExp(`cannot reach ${at}: no answer in time$`), line);
  assert(seconds < 10, `${line}: ${seconds} s`);
}

const LOGIN = {
  ROUTES_KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
  ROUTES_KAFKA_SASL_PLAIN_USERNAME: "someone",
  ROUTES_KAFKA_SASL_PLAIN_PASSWORD: "something",
};

Deno.test("every command ends in time if Kafka never answers", () =>
  withBadServers(["silent"], ([address]) =>
    withProgram({}, async (fixture) => {
      const at = `Kafka at ${address}`;
      const flags = `-X kafka.bootstrap_servers=${address}`;
      for (const env of [{}, LOGIN]) {
        const lines = ["produce", "consume", "verify", "migrate --topic", "check produce"];
        await Promise.all(lines.map((line) => endsInTime(fixture, `${line} ${flags}`, at, env)));
      }
    })));

Deno.test("every command ends in time if PostgreSQL never answers", () =>
  withBadServers(["silent"], ([address]) =>
    withProgram({}, async (fixture) => {
      const at = `PostgreSQL at ${address}`;
      for (const sslmode of ["disable", "verify-full"]) {
        const port = address!.split(":")[1];
        const flags = `-X postgresql.port=${port} -X postgresql.sslmode=${sslmode}`;
        const lines = ["consume", "verify", "migrate", "query", "check query"];
        await Promise.all(lines.map((line) => endsInTime(fixture, `${line} ${flags}`, at)));
      }
    })));

Deno.test("a broker that never answers does not keep consume from the next one", () =>
  withBadServers(["silent"], ([address]) =>
    withProgram({}, async (fixture) => {
      const settings = await Deno.readTextFile(`${fixture.dir}/host_settings.ini`);
      const [broker] = /^bootstrap_servers = (.*)$/m.exec(settings)!.slice(1);
      const flags = `kafka.bootstrap_servers=127.0.0.1:1,${address},${broker}`;
      const { code, stderr } = await fixture.routes(["consume", "-X", flags, "--timeout=8s"]);
      assertEquals(code, 0, stderr);
    })));
