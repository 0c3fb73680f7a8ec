import { assertEquals, assertMatch } from "@std/assert";
import type { Sql } from "postgres";
import { connectKafka, testSettings, uniqueName } from "../support/fixtures.ts";
import { type Ended, type ProgramFixture, withProgram } from "../support/program.ts";
import { openPostgres } from "../../src/postgres/connect.ts";

const UP_TO_DATE = 'database "postgres": up to date\n';

/** Runs without tables. */
function withoutTables(work: (fixture: ProgramFixture) => Promise<void>): Promise<void> {
  return withProgram({ migrated: false }, work);
}

function assertEnded(ended: Ended, code: number, stdout: string | RegExp, stderr: RegExp = /^$/) {
  assertEquals(ended.code, code, ended.stderr);
  if (typeof stdout === "string") assertEquals(ended.stdout, stdout);
  else assertMatch(ended.stdout, stdout);
  assertMatch(ended.stderr, stderr);
}

async function tables({ sql, schema }: ProgramFixture): Promise<string[]> {
  const rows = await sql`
    select table_name as name from information_schema.tables where table_schema = ${schema} order by 1`;
  return rows.map(({ name }) => name);
}

const TABLES = [
  "routes_losses",
  "routes_migrations",
  "routes_rejects",
  "routes_sources",
  "routes_table",
];

Deno.test("migrate creates the tables once, and --status shows that before and after", () =>
  withoutTables(async (fixture) => {
    const pending = await fixture.routes(["migrate", "--status"]);
    assertEnded(
      pending,
      69,
      "pending 0001 tables\npending 0002 topic_ids\n",
      /^routes: 2 migrations pending in database "postgres"\n {2}fix: routes migrate\n$/,
    );
    assertEnded(
      await fixture.routes(["migrate", "--status", "--json"]),
      69,
      '{"applied":[],"pending":["0001 tables","0002 topic_ids"]}\n',
      /^\{"error":"2 migrations pending in database \\"postgres\\"","fix":"routes migrate","code":69\}\n$/,
    );
    assertEquals(await tables(fixture), []);
    assertEnded(
      await fixture.routes(["migrate"]),
      0,
      /^applied 0001 tables \(\d+ ms\)\napplied 0002 topic_ids \(\d+ ms\)\n$/,
    );
    assertEquals(await tables(fixture), TABLES);
    assertEnded(await fixture.routes(["migrate"]), 0, UP_TO_DATE);
    assertEnded(
      await fixture.routes(["migrate", "--status"]),
      0,
      "applied 0001 tables\napplied 0002 topic_ids\n",
    );
    assertEnded(await fixture.routes(["migrate", "--dry-run"]), 0, "");
    assertEnded(
      await fixture.routes(["migrate", "--json"]),
      0,
      '{"applied":[],"pending":[]}\n',
    );
  }));

Deno.test("migrate --dry-run changes nothing and prints the SQL of the migration", () =>
  withoutTables(async (fixture) => {
    const { code, stdout } = await fixture.routes(["migrate", "--dry-run"]);
    assertEquals(code, 0);
    assertEquals(await tables(fixture), []);
    await fixture.sql.unsafe(stdout).simple();
    assertEquals(await tables(fixture), TABLES);
    assertEnded(await fixture.routes(["migrate"]), 0, UP_TO_DATE);
  }));

Deno.test("migrate creates database and topic with unusual names, and finds them in the next run", () =>
  withoutTables(async (fixture) => {
    const database = `${uniqueName("new")} "Дб'`;
    const topic = uniqueName("topic");
    const flags = ["-X", `postgresql.dbname=${database}`, "-X", `kafka.topic=${topic}`];
    const all = ["migrate", "--create-database", "--topic", "--partitions", "2", ...flags];
    const admin = connectKafka().admin();
    await admin.connect();
    try {
      assertEnded(
        await fixture.routes(["migrate", ...flags]),
        69,
        "",
        /^routes: database ".*" does not exist on .*\n.*3D000.*\n {2}fix: routes migrate -X 'postgresql\.dbname=.*' -X kafka\.topic=\S+ --create-database\n$/,
      );
      const { code, stdout, stderr } = await fixture.routes(all);
      assertEquals([code, stderr], [0, ""]);
      assertEquals(stdout.replace(/\d+ ms/g, "_").split("\n"), [
        `created database "${database}"`,
        "applied 0001 tables (_)",
        "applied 0002 topic_ids (_)",
        `created topic "${topic}" with 2 partitions`,
        "",
      ]);
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      assertEquals(topics[0]!.partitions.length, 2);
      assertEnded(
        await fixture.routes(all),
        0,
        `database "${database}": up to date\n` +
          `topic "${topic}" already exists with 2 partitions\n`,
      );
      const [topicFlag, brokers] = [["-X", `kafka.topic=${uniqueName("topic")}`], "100"];
      assertEnded(
        await fixture.routes(["migrate", "--topic", "--replication", brokers, ...topicFlag]),
        78,
        /./,
        /cannot create topic ".*": Kafka has \d+ brokers?\n.*INVALID_REPLICATION_FACTOR.*\n {2}fix: routes migrate -X kafka.topic=\S+ --topic --replication \d+$/m,
      );
    } finally {
      await fixture.sql`drop database if exists ${fixture.sql(database)} with (force)`;
      await admin.deleteTopics({ topics: [topic] }).catch(() => {});
      await admin.disconnect();
    }
  }));

Deno.test("of several concurrent migrations one creates the tables, the others wait, and all succeed", () =>
  withoutTables(async (fixture) => {
    const database = uniqueName("twice");
    const args = ["migrate", "--create-database", "-X", `postgresql.dbname=${database}`];
    try {
      const ended = await Promise.all([1, 2, 3].map(() => fixture.routes(args)));
      for (const { code, stderr } of ended) assertEquals([code, stderr], [0, ""]);
      const applied = ended.filter(({ stdout }) => stdout.includes("applied 0001"));
      assertEquals(applied.length, 1);
    } finally {
      await fixture.sql`drop database if exists ${fixture.sql(database)} with (force)`;
    }
  }));

Deno.test("migrate fails if another run holds the lock for longer than --lock-timeout", () =>
  withoutTables(async (fixture) => {
    await fixture
      .sql`select pg_advisory_lock(hashtextextended(${`routes migrate ${fixture.schema}`}, 0))`;
    const held = await fixture.routes(["migrate", "--lock-timeout", "200ms"]);
    assertEnded(
      held,
      75,
      "",
      /^routes: another run of routes migrate holds the lock\n {2}fix: .*\n$/,
    );
    assertEquals(await tables(fixture), []);
    const waiting = fixture.start(["migrate", "-v"]);
    await waiting.said(/connecting to PostgreSQL/);
    await fixture.sql`select pg_advisory_unlock_all()`;
    assertEquals((await waiting.ended).code, 0);
  }));

/** The table of the original program, with rows. */
async function makeOriginal({ sql, schema }: ProgramFixture, columns: string): Promise<void> {
  await sql.unsafe(`create schema "${schema}"; create table "${schema}".routes_table (${columns})`);
}

const ORIGINAL = "user_id INT, timestamp FLOAT, latitude FLOAT, longitude FLOAT";

Deno.test("migrate keeps the table of the original program with its rows, and consume adds to it", () =>
  withoutTables(async (fixture) => {
    await makeOriginal(fixture, ORIGINAL);
    const table = fixture.sql(`${fixture.schema}.routes_table`);
    // Two equal rows: the original program had no key.
    await fixture.sql`insert into ${table} values (1, 2.5, 3.5, 4.5), (1, 2.5, 3.5, 4.5)`;
    assertEnded(await fixture.routes(["migrate"]), 0, /^applied/);
    assertEquals((await fixture.routes(["produce", "-n", "3"])).code, 0);
    assertEquals((await fixture.routes(["consume"])).code, 0);
    const rows = await fixture.sql`select * from ${table} where source_id is null`;
    const row = { user_id: 1, timestamp: 2.5, latitude: 3.5, longitude: 4.5 };
    assertEquals(
      rows.map((found) => ({ ...found })),
      [1, 2].map(() => {
        return { ...row, source_id: null, source_offset: null };
      }),
    );
    assertEquals((await fixture.counts()).rows, 5);
  }));

for (
  const [what, columns, insert, stderr] of [
    ["another table of that name", "id int, note text", null, /was not created by the original/],
    ["rows with null in a column", ORIGINAL, "null, 1, 2, 3", /has 1 row with null in/],
  ] as const
) {
  Deno.test(`migrate refuses ${what} and does not change it`, () =>
    withoutTables(async (fixture) => {
      await makeOriginal(fixture, columns);
      if (insert) {
        await fixture.sql.unsafe(`insert into "${fixture.schema}".routes_table values (${insert})`);
      }
      const refused = await fixture.routes(["migrate"]);
      assertEnded(refused, 65, "", stderr);
      assertMatch(refused.stderr, /\n {2}fix: /);
      assertEquals(await tables(fixture), ["routes_table"]);
    }));
}

for (
  const [what, change, reason] of [
    [
      "a column of another type",
      "alter column timestamp type timestamptz using to_timestamp(timestamp)",
      "column timestamp is timestamp with time zone, expected double precision",
    ],
    [
      "no such column",
      "drop column latitude",
      "column latitude is missing, expected double precision",
    ],
    [
      "a column that needs a value",
      "add column vehicle text not null",
      "column vehicle needs a value",
    ],
  ] as const
) {
  Deno.test(`migrate and check refuse a migrated table with ${what}`, () =>
    withProgram({}, async (fixture) => {
      await fixture.sql.unsafe(`alter table "${fixture.schema}".routes_table ${change}`);
      for (const args of [["migrate"], ["check"], ["check", "migrate"], ["check", "consume"]]) {
        const { code, stdout, stderr } = await fixture.routes(args);
        assertEquals(code, 65, `${args} ${stdout} ${stderr}`);
        assertMatch(stdout + stderr, /routes_table" was changed: consume cannot write to it\n/);
        assertEquals((stdout + stderr).includes(reason), true, stdout + stderr);
      }
    }));
}

Deno.test("migrate and check accept further columns that have a value of their own", () =>
  withProgram({}, async (fixture) => {
    await fixture.sql.unsafe(`alter table "${fixture.schema}".routes_table
      add column note text, add column at timestamptz not null default now(),
      add column id bigint generated always as identity,
      add column north bool not null generated always as (latitude > 0) stored`);
    assertEnded(await fixture.routes(["migrate"]), 0, UP_TO_DATE);
    assertEquals((await fixture.routes(["check"])).code, 0);
    assertEquals((await fixture.routes(["produce", "-n", "3"])).code, 0);
    assertEquals((await fixture.routes(["consume"])).code, 0);
    assertEquals((await fixture.counts()).rows, 3);
  }));

for (
  const [what, change, stderr] of [
    ["edited", "update routes_migrations set checksum = 'x'", /was applied with different content/],
    ["newer", "insert into routes_migrations values (99, 'later', 'x')", /newer than this program/],
  ] as const
) {
  Deno.test(`migrate refuses a migration that is ${what}`, () =>
    withProgram({}, async (fixture) => {
      await fixture.sql.unsafe(`set search_path to "${fixture.schema}"; ${change}`);
      for (const flags of [[], ["--status"], ["--dry-run"]]) {
        assertEnded(await fixture.routes(["migrate", ...flags]), 78, "", stderr);
      }
    }));
}

Deno.test("a migration whose connection ends is rolled back; one whose process is killed is completed", () =>
  withoutTables(async (fixture) => {
    await makeOriginal(fixture, ORIGINAL);
    const { sql: other } = openPostgres(testSettings(["postgresql.dbname=postgres"]).postgresql, {
      readFile: () => new Uint8Array(),
      log: null,
      max: 1,
    });
    try {
      // A transaction that reads the table blocks the migration in the middle of its work.
      await fixture.sql.unsafe(`begin; select * from "${fixture.schema}".routes_table`);
      const cut = fixture.start(["migrate"]);
      const pid = await blockedBackend(other, fixture.schema);
      await other`select pg_terminate_backend(${pid})`;
      assertEnded(await cut.ended, 75, "", /^routes: the connection to PostgreSQL at .* is lost\n/);
      assertEquals(await tables(fixture), ["routes_table"]);

      const killed = fixture.start(["migrate"]);
      await blockedBackend(other, fixture.schema);
      killed.kill("SIGKILL");
      await killed.ended;
      await fixture.sql`commit`;
      // The server has the whole script, and holds the lock until it is done.
      const key = `routes migrate ${fixture.schema}`;
      await fixture.sql`select pg_advisory_lock(hashtextextended(${key}, 0))`;
      await fixture.sql`select pg_advisory_unlock_all()`;
      assertEquals(await tables(fixture), TABLES);
      // The next migration had not begun.
      assertEnded(await fixture.routes(["migrate"]), 0, /^applied 0002 topic_ids \(\d+ ms\)\n$/);
    } finally {
      await other.end();
    }
  }));

/** Waits until a session waits for a lock on a table of the schema; returns its process id. */
async function blockedBackend(sql: Sql, schema: string): Promise<number> {
  for (;;) {
    const [row] = await sql`
      select pid from pg_locks where not granted
        and relation in (select oid from pg_class where relnamespace = ${schema}::text::regnamespace)`;
    if (row) return row.pid;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
