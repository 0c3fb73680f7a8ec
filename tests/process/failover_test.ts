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

      // Which server answered, and how old its data is.
      const onStandby = on([standby.port]);
      const fed = await routes(["query", "--total", ...onStandby]);
      assertEquals(
        fed.stderr,
        "PostgreSQL: this server is a standby; it has applied all that its primary has sent\n",
      );
      assertEquals((await routes(["query", "--total", ...on([primary.port])])).stderr, "");
      const paused = connectTo(standby);
      await paused.sql`select pg_wal_replay_pause()`;
      await routes(["produce", "-n", "50", "--seed", "3"]);
      while (await total([primary.port]) < 350) { /* until it has caught up */ }
      const verified = await routes(["verify", ...onStandby]);
      assertEquals(verified.code, 0, verified.stderr);
      assertMatch(
        verified.stderr,
        /this server is a standby; it lags \d+\.\d s behind its primary$/m,
      );
      await paused.sql`select pg_wal_replay_resume()`;
      while (await total([standby.port]) < 350) { /* until the standby has it too */ }
      await paused.sql.end();
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
      const unfed =
        /is a standby; it is not connected to its primary: its last transaction is .* old$/m;
      for (const end = performance.now() + 20_000;;) {
        const { stderr } = await routes(["query", "--total", ...onStandby]);
        if (unfed.test(stderr)) break;
        assert(performance.now() < end, stderr);
      }
      const after = connectTo(standby);
      await after.sql`select pg_promote()`;
      await routes(["produce", "-n", "200", "--seed", "2"]);
      const deadline = performance.now() + 30_000;
      while (await total([standby.port]) < 550) {
        assert(performance.now() < deadline, "not followed");
      }
      const whole = await routes(["verify", ...on(ports)]);
      assertEquals(whole.code, 0, whole.stdout + whole.stderr);
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
