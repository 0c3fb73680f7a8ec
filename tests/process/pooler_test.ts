import { assert, assertEquals, assertMatch } from "@std/assert";
import { openPostgres } from "../../src/postgres/connect.ts";
import { readerTest } from "../readers/reader.ts";
import { Sandbox } from "../support/child.ts";
import { testSettings, uniqueName } from "../support/fixtures.ts";
import { startPgBouncer } from "../support/pgbouncer.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** Runs `work` with a PgBouncer, the flags that lead to it, and a role whose settings change how values are written. */
async function withPooler(
  fixture: ProgramFixture,
  options: Omit<Parameters<typeof startPgBouncer>[1], "users">,
  work: (pooler: { port: number; user: string; flags: string[] }) => Promise<void>,
): Promise<void> {
  const { sql, schema } = fixture;
  const user = uniqueName("pooled");
  await sql.unsafe(`
    create role ${user} login superuser;
    alter role ${user} set bytea_output = escape;
    alter role ${user} set extra_float_digits = '-10'`);
  const sandbox = new Sandbox();
  try {
    const port = await startPgBouncer(sandbox, { ...options, users: [user] });
    const flags = ["-X", `postgresql.port=${port}`, "-X", `postgresql.user=${user}`];
    await work({ port, user, flags });
  } finally {
    await sandbox.close();
    await sql.unsafe(`drop schema if exists "${schema}" cascade; drop role ${user}`);
  }
}

/** Runs other clients of the pool until the signal aborts, so that no session serves this program twice in a row. */
async function share(port: number, user: string, signal: AbortSignal): Promise<number> {
  let count = 0;
  await Promise.all(Array.from({ length: 4 }, async () => {
    const { postgresql } = testSettings(["postgresql.dbname=postgres"]);
    const { sql } = openPostgres({ ...postgresql, servers: [{ host: "127.0.0.1", port }], user }, {
      readFile: Deno.readFileSync,
      log: null,
      max: 1,
    });
    while (!signal.aborted) {
      await sql.unsafe(`begin; select pg_sleep(${Math.random() / 100}); commit`).simple();
      count++;
    }
    await sql.end();
  }));
  return count;
}

const IGNORED = "bytea_output, extra_float_digits, row_security, " +
  "default_transaction_read_only, statement_timeout";

/** A command reads the same directly and through the pooler. */
const READERS = [
  "verify",
  "query --all --format ndjson",
  "query --summary --format json",
  "query --total",
  "query --all --near 60.17,24.94 --radius 5km --format csv",
  "query --all --format svg",
  "query --rejects --all --format json",
  "migrate --status",
];

for (const mode of ["session", "transaction"] as const) {
  for (const settings of [{}, { ignore_startup_parameters: IGNORED }]) {
    const how = "ignore_startup_parameters" in settings
      ? "that ignores parameters"
      : "with its defaults";
    readerTest(
      "pgbouncer",
      "pgbouncer",
      `every command works through PgBouncer in ${mode} mode ${how}`,
      () =>
        withProgram({ partitions: 3, migrated: false }, async (fixture) => {
          const { routes, counts } = fixture;
          await withPooler(fixture, { mode, settings }, async ({ port, user, flags }) => {
            const ended = new AbortController();
            const sharing = share(port, user, ended.signal);
            // Its failure must not hide the one that ended PgBouncer.
            sharing.catch(() => {});
            const run = async (line: string, through = flags) => {
              const ended = await routes([...line.split(" "), ...through]);
              assertEquals(ended.code, 0, `${line}: ${ended.stdout}${ended.stderr}`);
              return ended;
            };
            await run("migrate");
            await run("check");
            await run("produce -n 3000 --invalid 10 --seed 1");
            await run("consume --on-reject keep");
            await run("consume --retry-rejects");
            await run("consume --replay earliest --yes");
            for (const line of READERS) {
              assertEquals((await run(line)).stdout, (await run(line, [])).stdout, line);
            }
            const { rows, rejects, tombstones } = await counts();
            assertEquals(rows + rejects + tombstones, 3000);
            ended.abort();
            assert(await sharing > 100);
          });
        }),
    );
  }
}

readerTest(
  "pgbouncer",
  "pgbouncer",
  "through PgBouncer, eight verifications at once end, and two migrations apply each step once",
  () =>
    withProgram({ partitions: 3, migrated: false }, async (fixture) => {
      const { routes, sql, schema } = fixture;
      const settings = { default_pool_size: "3" };
      await withPooler(fixture, { mode: "transaction", settings }, async ({ flags }) => {
        const migrated = await Promise.all([1, 2].map(() => routes(["migrate", ...flags])));
        for (const { code, stderr } of migrated) assertEquals(code, 0, stderr);
        const printed = migrated.map(({ stdout }) => stdout).join("");
        for (const name of ["0001 tables", "0002 topic_ids"]) {
          assertEquals(printed.split(`applied ${name}`).length, 2, printed);
        }
        const held = await sql`select count(*)::int as n from pg_locks where locktype = 'advisory'
          and database = (select oid from pg_database where datname = current_database())
          and pid in (select pid from pg_stat_activity where usename like 'pooled%')`;
        assertEquals(held[0]!.n, 0);
        assertEquals((await routes(["produce", "-n", "3000", "--invalid", "10"])).code, 0);
        assertEquals((await routes(["consume", "--on-reject", "keep", ...flags])).code, 0);
        const verified = await Promise.all(
          Array.from({ length: 8 }, () => routes(["verify", ...flags])),
        );
        for (const { code, stdout, stderr } of verified) assertEquals(code, 0, stdout + stderr);

        const index = await routes(["migrate", "--index", "place", ...flags]);
        assertEquals(index.code, 69, index.stderr);
        assertMatch(
          index.stderr,
          /^routes: building or dropping an index needs a connection to PostgreSQL itself\n.*pooler.*\n {2}fix: /,
        );
        const [built] = await sql`
          select count(*)::int as n from pg_indexes
          where schemaname = ${schema} and indexname = 'routes_table_place'`;
        assertEquals(built!.n, 0);
      });
    }),
);

readerTest(
  "pgbouncer",
  "pgbouncer",
  "what PgBouncer refuses has the exit code of the same fault of PostgreSQL",
  () =>
    withProgram({}, async (fixture) => {
      const settings = { max_client_conn: "1" };
      await withPooler(fixture, { mode: "session", settings }, async ({ flags, port, user }) => {
        const database = uniqueName("database");
        const faults: [args: string[], code: number, stderr: RegExp][] = [
          [
            [...flags, "-X", "postgresql.user=stranger"],
            77,
            /^routes: login of "stranger" refused/,
          ],
          [
            [...flags, "-X", `postgresql.dbname=${database}`],
            69,
            /^routes: database "\w+" does not exist .*\n.*\n {2}fix: routes migrate .*--create-database/,
          ],
        ];
        for (const [args, code, stderr] of faults) {
          const ended = await fixture.routes(["query", "--total", ...args]);
          assertEquals(ended.code, code, ended.stderr);
          assertMatch(ended.stderr, stderr);
        }
        const ended = new AbortController();
        const busy = share(port, user, ended.signal);
        busy.catch(() => {});
        const { code, stderr } = await fixture.routes(["query", "--total", ...flags]);
        ended.abort();
        assertEquals(code, 75, stderr);
        assertMatch(stderr, /^routes: .* has no connection left: max_client_conn\n/);
      });
    }),
);
