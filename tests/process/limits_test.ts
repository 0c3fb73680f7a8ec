import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { explainPostgres } from "../../src/postgres/errors.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { openFinder } from "../../src/postgres/find.ts";
import { EVERYTHING } from "../../src/postgres/search.ts";
import { testSettings, uniqueName } from "../support/fixtures.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** Runs `work` with a role, the flags that use it, and a function that changes it. */
async function withRole(
  { sql, schema }: ProgramFixture,
  work: (role: {
    user: string;
    flags: string[];
    alter: (what: string) => Promise<void>;
  }) => Promise<void>,
): Promise<void> {
  const user = uniqueName("limited");
  await sql.unsafe(`
    create role ${user} login;
    grant usage on schema "${schema}" to ${user};
    grant all on all tables in schema "${schema}" to ${user}`);
  try {
    await work({
      user,
      flags: ["-X", `postgresql.user=${user}`],
      alter: async (what) => void await sql.unsafe(`alter role ${user} ${what}`),
    });
  } finally {
    await sql.unsafe(`drop owned by ${user}; drop role ${user}`);
  }
}

/** Waits until the table has that many rows. */
async function reach(rows: number, counts: ProgramFixture["counts"]): Promise<void> {
  const deadline = performance.now() + 60_000;
  while ((await counts()).rows < rows) assert(performance.now() < deadline, `no ${rows} rows`);
}

Deno.test("a connection limit of the role is named, and consume goes on when there is a connection again", () =>
  withProgram({ partitions: 3 }, async (fixture) => {
    const { sql, routes, start, counts } = fixture;
    assertEquals((await routes(["produce", "-n", "3000"])).code, 0);
    await withRole(fixture, async ({ user, flags, alter }) => {
      await alter("connection limit 0");
      const none = `has no connection left: connection limit of role "${user}"`;
      const queried = await routes(["query", "--total", ...flags]);
      assertEquals(queried.code, 75, queried.stderr);
      assert(queried.stderr.includes(none), queried.stderr);

      await alter("connection limit 1");
      const consumer = start(["consume", "--follow", "--no-progress", ...flags]);
      await reach(3000, counts);
      await alter("connection limit 0");
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where usename = ${user}`;
      assertEquals((await routes(["produce", "-n", "300"])).code, 0);
      await consumer.said(new RegExp(`^waiting for PostgreSQL: .* ${none}: .*53300`, "m"));
      await alter("connection limit 1");
      await reach(3300, counts);
      consumer.kill("SIGTERM");
      assertEquals((await consumer.ended).code, 0);

      const replayed = await routes(["consume", "--replay", "earliest", "--yes", ...flags]);
      assertEquals(replayed.code, 0, replayed.stderr);
      assertEquals((await counts()).rows, 3300);
    });
  }));

Deno.test("a lock is named with its pid although lock_timeout of the role is shorter than the first look", () =>
  withProgram({}, async (fixture) => {
    const { sql, schema, routes, start, counts } = fixture;
    assertEquals((await routes(["produce", "-n", "300"])).code, 0);
    await withRole(fixture, async ({ flags, alter }) => {
      await alter("set lock_timeout = '100ms'");
      const consumer = await sql.begin(async (session) => {
        await session.unsafe(`lock table "${schema}".routes_table in access exclusive mode`);
        const [row] = await session`select pg_backend_pid() as pid`;
        const consumer = start(["consume", ...flags]);
        await consumer.said(
          new RegExp(
            `^warning: PostgreSQL: .* holds a lock on routes_table \\(pid ${row!.pid}\\)$`,
            "m",
          ),
        );
        await consumer.said(/^waiting for PostgreSQL: .* at its limit: lock_timeout: .*55P03/m);
        return consumer;
      });
      const { code, stderr } = await consumer.ended;
      assertEquals(code, 0, stderr);
      assertEquals((await counts()).rows, 300);
    });
  }));

Deno.test("sessions that end at idle_session_timeout lose nothing", () =>
  withProgram({ partitions: 2 }, async (fixture) => {
    const { sql, routes, start, counts } = fixture;
    await withRole(fixture, async ({ user, flags, alter }) => {
      await alter("set idle_session_timeout = '1s'");
      const consumer = start(["consume", "--follow", "--no-progress", ...flags]);
      for (let rows = 200; rows <= 600; rows += 200) {
        assertEquals((await routes(["produce", "-n", "200"])).code, 0);
        await reach(rows, counts);
        for (let sessions = 1; sessions > 0;) {
          const [row] = await sql`
            select count(*)::int as n from pg_stat_activity where usename = ${user}`;
          sessions = row!.n;
        }
      }
      consumer.kill("SIGTERM");
      const { code, stderr } = await consumer.ended;
      assertEquals(code, 0, stderr);
      assertEquals((await counts()).rows, 600);
      assertEquals((await routes(["verify"])).code, 0);
    });
  }));

Deno.test("a reader whose session ended between two rows names the limit, not a missing cursor", () =>
  withProgram({}, async (fixture) => {
    const { sql, schema } = fixture;
    await sql.unsafe(`
      insert into "${schema}".routes_table (user_id, timestamp, latitude, longitude)
      select 1, n, 0, 0 from generate_series(1, 20000) as n`);
    await withRole(fixture, async ({ user, alter }) => {
      await alter("set idle_in_transaction_session_timeout = '100ms'");
      const { postgresql } = testSettings(["postgresql.dbname=postgres"]);
      const settings = { ...postgresql, user };
      const client = openPostgres(settings, { readFile: Deno.readFileSync, log: null, max: 1 });
      const { signal } = new AbortController();
      const finder = openFinder(client, {
        schema,
        signal,
        now: Date.now,
        watched: client.bounded,
      });
      const rows = finder.find({ ...EVERYTHING, order: "user" });
      await rows.next();
      for (let sessions = 1; sessions > 0;) {
        const [row] = await sql`
          select count(*)::int as n from pg_stat_activity where usename = ${user}`;
        sessions = row!.n;
      }
      const rest = async () => {
        for await (const _ of rows) { /* until the batch that was fetched ahead is used up */ }
      };
      const error = await assertRejects(rest);
      // As commands close it: postgres.js may wait for a connection that is gone.
      await client.sql.end({ timeout: 1 });
      client.cut();
      const failure = explainPostgres(client.causeOf(error), settings);
      assertMatch(failure.message, /at its limit: idle_in_transaction_session_timeout$/);
    });
  }));
