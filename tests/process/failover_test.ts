import { assert, assertEquals, assertMatch } from "@std/assert";
import { openPostgres } from "../../src/postgres/connect.ts";
import { freePort, Sandbox } from "../support/child.ts";
import { testSettings } from "../support/fixtures.ts";
import { type PostgresServer, startPostgres, startStandby } from "../support/postgres.ts";
import { withProgram } from "../support/program.ts";

/** A superuser's connection to a server. */
function connectTo({ port }: PostgresServer) {
  const { postgresql } = testSettings(["postgresql.dbname=postgres"]);
  const servers: [{ host: string; port: number }] = [{ host: "127.0.0.1", port }];
  const settings = { ...postgresql, servers, user: "postgres", password: null };
  return openPostgres(settings, { readFile: () => new Uint8Array(), log: null, max: 1 });
}

Deno.test("consume follows the primary among the hosts that are listed, and a standby alone is named", async () => {
  const sandbox = new Sandbox();
  try {
    const primary = await startPostgres({ sandbox });
    const before = connectTo(primary);
    const standby = await startStandby(primary, before.sql, sandbox);
    await withProgram({ partitions: 2, migrated: false }, async ({ routes, start, schema }) => {
      // Nothing listens on the first port, and the standby comes before the primary.
      const ports = [freePort(), standby.port, primary.port];
      const on = (ports: number[], more: string[] = []) => [
        ...["-X", `postgresql.host=${ports.map(() => "127.0.0.1")}`],
        ...["-X", `postgresql.port=${ports}`, "-X", "postgresql.user=postgres", ...more],
      ];
      const migrated = await routes(["migrate", ...on(ports)]);
      assertEquals(migrated.code, 0, migrated.stderr);
      const checked = await routes(["check", "consume", ...on(ports)]);
      assertEquals(checked.code, 0, checked.stdout);
      assertMatch(
        checked.stdout,
        /^! cannot reach PostgreSQL at 127\.0\.0\.1:\d+: connection refused$/m,
      );

      await routes(["produce", "-n", "300", "--seed", "1"]);
      const consumer = start(["consume", "--follow", "--no-progress", ...on(ports)]);
      const total = async (at: number[], more: string[] = []) => {
        const { code, stdout, stderr } = await routes(["query", "--total", ...on(at, more)]);
        assertEquals(code, 0, stderr);
        return Number(stdout);
      };
      while (await total([primary.port]) < 300) { /* until it has caught up */ }

      // A reader takes the first server that answers; it can ask for a standby, or refuse one.
      const asks = (target: string) => ["-X", `postgresql.target_session_attrs=${target}`];
      while (await total([standby.port]) < 300) { /* until the standby has it too */ }
      assertEquals(await total(ports, asks("prefer-standby")), 300);
      const none = await routes(["query", "--total", ...on(ports.slice(0, 2), asks("primary"))]);
      assertEquals(none.code, 69, none.stderr);
      assertMatch(
        none.stderr,
        /^routes: none of the PostgreSQL servers can be used\n {2}127\.0\.0\.1:\d+: .*; 127\.0\.0\.1:\d+ is a standby$/m,
      );
      const replay = ["consume", "--replay", "earliest", "--yes"];
      const alone = await routes([...replay, ...on([standby.port])]);
      assertEquals(alone.code, 75, alone.stderr);
      assertMatch(alone.stderr, /is read-only: it is a standby, or default_transaction_read_only/);

      await before.sql.end();
      await primary.stop("SIGQUIT");
      const after = connectTo(standby);
      await after.sql`select pg_promote()`;
      await routes(["produce", "-n", "200", "--seed", "2"]);
      const deadline = performance.now() + 30_000;
      while (await total([standby.port]) < 500) {
        assert(performance.now() < deadline, "not followed");
      }
      const verified = await routes(["verify", ...on(ports)]);
      assertEquals(verified.code, 0, verified.stdout + verified.stderr);
      consumer.kill("SIGTERM");
      assertEquals((await consumer.ended).code, 0);
      await after.sql.unsafe(`drop schema "${schema}" cascade`);
      await after.sql.end();
    });
    await standby.stop("SIGQUIT");
  } finally {
    await sandbox.close();
  }
});
