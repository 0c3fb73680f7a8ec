import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** Listens where every connection is taken and nothing is ever answered, as behind a firewall. */
async function nearBlackHole(work: (port: number) => Promise<void>): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const taken: Deno.Conn[] = [];
  const taking = (async () => {
    for await (const connection of listener) taken.push(connection);
  })();
  try {
    await work((listener.addr as Deno.NetAddr).port);
  } finally {
    listener.close();
    await taking;
    for (const connection of taken) connection.close();
  }
}

/** Fails unless the run ends in time, with one message that names the black hole. */
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
  const said = (stdout + stderr).match(/^(routes:|✗) .*/gm) ?? [];
  assertEquals([code, said.length], [69, 1], `${line}: ${stdout}${stderr}`);
  assertMatch(said[0]!, new RegExp(`cannot reach ${at}: no answer in time$`), line);
  assert(seconds < 10, `${line}: ${seconds} s`);
}

const LOGIN = {
  ROUTES_KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
  ROUTES_KAFKA_SASL_PLAIN_USERNAME: "someone",
  ROUTES_KAFKA_SASL_PLAIN_PASSWORD: "something",
};

Deno.test("a Kafka that never answers is given up in time, by every command", () =>
  nearBlackHole((port) =>
    withProgram({}, async (fixture) => {
      const at = `Kafka at 127.0.0.1:${port}`;
      const there = `-X kafka.bootstrap_servers=127.0.0.1:${port}`;
      for (const env of [{}, LOGIN]) {
        const lines = ["produce", "consume", "verify", "migrate --topic", "check produce"];
        await Promise.all(lines.map((line) => endsInTime(fixture, `${line} ${there}`, at, env)));
      }
    })
  ));

Deno.test("a PostgreSQL that never answers is given up in time, by every command", () =>
  nearBlackHole((port) =>
    withProgram({}, async (fixture) => {
      const at = `PostgreSQL at 127.0.0.1:${port}`;
      for (const sslmode of ["disable", "verify-full"]) {
        const there = `-X postgresql.port=${port} -X postgresql.sslmode=${sslmode}`;
        const lines = ["consume", "verify", "migrate", "query", "check query"];
        await Promise.all(lines.map((line) => endsInTime(fixture, `${line} ${there}`, at)));
      }
    })
  ));

Deno.test("a broker that never answers does not stand in the way of the next", () =>
  nearBlackHole((port) =>
    withProgram({}, async (fixture) => {
      const settings = await Deno.readTextFile(`${fixture.dir}/host_settings.ini`);
      const [broker] = /^bootstrap_servers = (.*)$/m.exec(settings)!.slice(1);
      // In plain text it is a request that goes unanswered, not a connection: see --timeout.
      const there = `kafka.bootstrap_servers=127.0.0.1:1,${broker},127.0.0.1:${port}`;
      const { code, stderr } = await fixture.routes(["consume", "-X", there, "--timeout=5s"]);
      assertEquals(code, 0, stderr);
    })
  ));
