import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Sql } from "postgres";
import { openPostgres } from "../../src/postgres/connect.ts";
import { explainPostgres, judgePostgres } from "../../src/postgres/errors.ts";
import { openStore, type Store } from "../../src/postgres/store.ts";
import { createCommitStep, SourceGone } from "../../src/commands/consume/commit_step.ts";
import { makeStep, type SplittableStep } from "../../src/commands/consume/step.ts";
import type { Message } from "../../src/record/validate.ts";
import type { OperationalError } from "../../src/errors.ts";
import { testSettings, uniqueName, withSchema } from "../support/fixtures.ts";

interface StoreFixture {
  sql: Sql;
  schema: string;
  store: Store;
  /** Source ids of partitions 0 and 1, both at position 0. */
  ids: [number, number];
  table(name: string): ReturnType<Sql>;
}

const readFile = () => new Uint8Array();

/** Runs `work` with a store that has two partitions. */
function withStore(work: (fixture: StoreFixture) => Promise<void>): Promise<void> {
  return withSchema(async ({ schema, sql }) => {
    const { postgresql } = testSettings(["postgresql.dbname=postgres"]);
    const { sql: pool } = openPostgres(postgresql, { readFile, log: null, max: 4 });
    const store = openStore(pool, { schema, clusterId: "cluster", topic: "topic" });
    await store.addSources(new Map([[0, 0], [1, 0]]));
    const [first, second] = await store.sources();
    const table = (name: string) => sql(`${schema}.${name}`) as unknown as ReturnType<Sql>;
    try {
      await work({ sql, schema, store, ids: [first!.id, second!.id], table });
    } finally {
      await pool.end();
    }
  });
}

const point = (user: number) => `{"userID":${user},"timestamp":1.5,"coordinates":[2.5,3.5]}`;

/** Messages from offset `from`: a number becomes a record of that user, null a tombstone. */
function messages(from: number, values: (number | string | null)[]): Message[] {
  return values.map((value, i) => ({
    offset: String(from + i),
    timestamp: "1732431234567",
    key: null,
    value: value === null ? null : Buffer.from(typeof value === "number" ? point(value) : value),
    headers: [],
  }));
}

function step(source: number, from: number, values: (number | string | null)[]): SplittableStep {
  return makeStep(source, from, messages(from, values));
}

async function rows({ sql, table }: StoreFixture): Promise<number[][]> {
  const found = await sql`
    select source_id, source_offset::int as offset, user_id from ${table("routes_table")}
    order by source_id, source_offset`;
  return found.map(({ source_id, offset, user_id }) => [source_id, offset, user_id]);
}

Deno.test("write() writes rows, rejects, counts and the position together", () =>
  withStore(async (fixture) => {
    const { store, ids: [a] } = fixture;
    assertEquals(await store.write([step(a, 0, [7, "no record", null, 8])]), [true]);
    assertEquals(await rows(fixture), [[a, 0, 7], [a, 3, 8]]);
    const [source, other] = await store.sources();
    const { nextOffset, stored, rejected, tombstones, last } = source!;
    assertEquals([nextOffset, stored, rejected, tombstones, last?.offset], [4, 2, 1, 1, 3]);
    assertEquals([other!.nextOffset, other!.last], [0, null]);
  }));

Deno.test("write() skips a step whose source is at another position, and writes the other steps", () =>
  withStore(async (fixture) => {
    const { store, ids: [a, b] } = fixture;
    assertEquals(await store.write([step(a, 0, [1]), step(b, 0, [2, "x"])]), [true, true]);
    // The first step is stale, as from a process that was suspended.
    assertEquals(
      await store.write([step(a, 0, [9, "x", null]), step(b, 2, [3]), step(12345, 0, [9])]),
      [false, true, false],
    );
    assertEquals(await rows(fixture), [[a, 0, 1], [b, 0, 2], [b, 2, 3]]);
    const [first, second] = await store.sources();
    assertEquals([first!.nextOffset, first!.stored, first!.rejected], [1, 1, 0]);
    assertEquals([second!.nextOffset, second!.stored, second!.rejected], [3, 2, 1]);
    assertEquals(await store.position(12345), null);
    assertEquals(await store.position(b), 3);
  }));

Deno.test("write() of the same step by four writers at once succeeds for exactly one", () =>
  withStore(async (fixture) => {
    const { store, ids: [a] } = fixture;
    for (let from = 0; from < 20; from++) {
      const won = await Promise.all(
        [1, 2, 3, 4].map((user) => store.write([step(a, from, [user])])),
      );
      assertEquals(won.flat().filter(Boolean).length, 1);
    }
    assertEquals((await rows(fixture)).length, 20);
  }));

Deno.test("write() stores a reject unchanged: key, value, headers, time and reason", () =>
  withStore(async ({ sql, table, store, ids: [a] }) => {
    const value = Buffer.from([0, 0xff, 0x5c, 0x27]);
    const bad: Message = {
      offset: "9007199254740990",
      timestamp: "1732431234567",
      key: Buffer.from([0xfe, 0]),
      value,
      headers: [
        { key: "a", value: Buffer.from("1") },
        { key: "b\0", value: Buffer.from([0xff]) },
        { key: "a", value: null },
        { key: "quote'\"\\", value: Buffer.from("\u001b[31m'\"\\ $1 \\u0000") },
        { key: "constructor", value: Buffer.from("a\0b") },
      ],
    };
    const made = makeStep(a, 0, [bad]);
    const [reject] = made.validated.rejects;
    Object.assign(reject!, { path: "p\0\ud800", reason: "r\0\udc00'\"\\ $1" });
    assertEquals(await store.write([made]), [true]);
    const [row] = await sql`
      select source_offset::text as offset, key, value, headers::text as headers, code, path, message,
        extract(epoch from record_time)::float8 as time from ${table("routes_rejects")}`;
    assertEquals([row!.offset, row!.time, row!.code], [bad.offset, 1732431234.567, "utf8"]);
    assertEquals([...row!.key, -1, ...row!.value], [0xfe, 0, -1, ...value]);
    assertEquals([row!.path, row!.message], ["p\\0\ufffd", "r\\0\ufffd'\"\\ $1"]);
    assertEquals(JSON.parse(row!.headers), [
      { key: "a", value: "1" },
      { key_base64: "YgA=", value_base64: "/w==" },
      { key: "a", value: null },
      { key: "quote'\"\\", value: "\u001b[31m'\"\\ $1 \\u0000" },
      { key: "constructor", value_base64: "YQBi" },
    ]);
  }));

Deno.test("write() stores numbers exact to the last bit", () =>
  withStore(async ({ sql, table, store, ids: [a] }) => {
    const values = [5e-324, 0.1 + 0.2, 1 / 3, 89.99999999999999, 2.2250738585072014e-308];
    const texts = values.map((value) =>
      `{"userID":1,"timestamp":${value},"coordinates":[${value},-${value}]}`
    );
    await store.write([step(a, 0, texts)]);
    const found = await sql`
      select timestamp, latitude, longitude from ${table("routes_table")} order by source_offset`;
    assertEquals(
      found.map(({ timestamp, latitude, longitude }) => [timestamp, latitude, longitude]),
      values.map((value) => [value, value, -value]),
    );
  }));

Deno.test("write() fails at an offset that already has a row, and changes nothing", () =>
  withStore(async (fixture) => {
    const { sql, table, store, ids: [a] } = fixture;
    await store.write([step(a, 0, [1, 2])]);
    // Simulates a recreated topic.
    await sql`update ${table("routes_sources")} set next_offset = 0`;
    const error = await assertRejects(() => store.write([step(a, 0, ["x", 5])]));
    assertEquals(judgePostgres(error), { act: "stop", state: "23505" });
    assertEquals(await rows(fixture), [[a, 0, 1], [a, 1, 2]]);
    assertEquals(await store.position(a), 0);
  }));

for (
  const [table, column] of [["routes_table", "user_id % 5"], [
    "routes_rejects",
    "source_offset % 2",
  ]]
) {
  Deno.test(`write() fails and moves no position when a trigger drops rows of ${table}`, () =>
    withStore(async (fixture) => {
      const { sql, schema, store, ids: [a] } = fixture;
      await sql.unsafe(`
        create function "${schema}".swallow() returns trigger language plpgsql as
          'begin if new.${column} = 0 then return null; end if; return new; end';
        create trigger swallow before insert on "${schema}".${table}
          for each row execute function "${schema}".swallow()`);
      const error = await assertRejects(
        () => store.write([step(a, 0, [1, 2, "x", 5, "y"])]),
        Error,
      );
      assertEquals(judgePostgres(error), { act: "stop", state: "42704" });
      const { postgresql } = testSettings([`postgresql.schema=${schema}`]);
      const { message, kind } = explainPostgres(error, postgresql) as OperationalError;
      const counts = table === "routes_table" ? "2 of 3" : "0 of 2";
      assertEquals([kind, message], [
        "data",
        `table "${schema}.${table}" kept only ${counts} rows`,
      ]);
      assertEquals([await store.position(a), (await rows(fixture)).length], [0, 0]);
    }));
}

Deno.test("write() fails and moves no position when a rule drops rows", () =>
  withStore(async (fixture) => {
    const { sql, schema, store, ids: [a] } = fixture;
    const table = `"${schema}".routes_table`;
    await sql.unsafe(
      `create rule swallow as on insert to ${table} where new.user_id = 2 do instead nothing`,
    );
    const error = await assertRejects(() => store.write([step(a, 0, [1, 2])]), Error);
    assertEquals(judgePostgres(error).act, "stop");
    assertEquals(await store.position(a), 0);
  }));

Deno.test("write() fails and moves no position when row-level security refuses rows, and works when it allows them", () =>
  withStore(async ({ sql, schema, store, ids: [a] }) => {
    const user = uniqueName("user");
    const table = `"${schema}".routes_table`;
    await sql.unsafe(`
      create role ${user} login;
      alter role ${user} set row_security = off;
      grant usage on schema "${schema}" to ${user};
      grant all on all tables in schema "${schema}" to ${user};
      alter table ${table} enable row level security;
      create policy own on ${table} for all to ${user} using (user_id <> 2) with check (true)`);
    const settings = testSettings(["postgresql.dbname=postgres", `postgresql.user=${user}`]);
    const { sql: other } = openPostgres(settings.postgresql, { readFile, log: null, max: 1 });
    try {
      const { write } = openStore(other, { schema, clusterId: "cluster", topic: "topic" });
      const error = await assertRejects(() => write([step(a, 0, [1, 2])]), Error);
      assertEquals(judgePostgres(error).act, "stop");
      const { hint } = explainPostgres(error, settings.postgresql) as OperationalError;
      assertEquals(hint, [
        `let the policies on the tables in schema "public" allow "${user}" every row`,
      ]);
      assertEquals(await store.position(a), 0);
      await sql.unsafe(`alter policy own on ${table} using (true)`);
      assertEquals(await write([step(a, 0, [1, 2])]), [true]);
    } finally {
      await other.end();
      await sql.unsafe(`drop owned by ${user}; drop role ${user}`);
    }
  }));

Deno.test("a record that only the database refuses becomes a reject, and all others become rows", () =>
  withStore(async (fixture) => {
    const { sql, table, store, ids: [a, b] } = fixture;
    await sql`alter table ${table("routes_table")} add constraint no_13 check (user_id <> 13)`;
    const written: number[] = [];
    const commitStep = createCommitStep({
      ...store,
      judge: judgePostgres,
      explain: (error) => error as Error,
    }, {
      rowsMax: 5_000,
      statementsMax: 4,
      backoff: { wait: (error) => Promise.reject(error), succeeded: () => {} },
      committed: ({ messages }) => Promise.resolve(void written.push(messages.length)),
    });
    const users = Array.from({ length: 100 }, (_, i) => i);
    const { signal } = new AbortController();
    const reached = await Promise.all([
      commitStep(step(a, 0, users), signal),
      commitStep(step(b, 0, [1, 2]), signal),
    ]);
    assertEquals(reached, [100, 2]);
    assertEquals(written.reduce((sum, count) => sum + count), 102);
    assertEquals((await rows(fixture)).length, 101);
    const rejects = await sql`select source_offset::int as offset, code, message from ${
      table("routes_rejects")
    }`;
    assertEquals(rejects.map(({ offset, code }) => [offset, code]), [[13, "db_23514"]]);
    assert(rejects[0]!.message.includes("no_13"));
    const [source] = await store.sources();
    assertEquals([source!.stored, source!.rejected, source!.nextOffset], [99, 1, 100]);

    await sql`truncate ${table("routes_sources")} cascade`;
    await assertRejects(() => commitStep(step(a, 100, [1]), signal), SourceGone);
  }));

Deno.test("refusal() tells whether the database refuses a record, and writes nothing", () =>
  withStore(async (fixture) => {
    const { sql, table, store, ids: [a] } = fixture;
    await sql`alter table ${table("routes_table")} add constraint no_13 check (user_id <> 13)`;
    assertEquals(await store.refusal(step(a, 0, [13])), "23514");
    assertEquals(await store.refusal(step(a, 0, [12])), null);
    assertEquals(await store.refusal(step(a, 5, [13])), null, "another position");
    assertEquals([await rows(fixture), await store.position(a)], [[], 0]);
  }));

const changes: [what: string, change: string, values: number[], message: RegExp, hint: RegExp][] = [
  [
    "a column that needs a value",
    "alter table ROWS add column vehicle text not null",
    [1],
    /^column "vehicle" of table .*routes_table needs a value, and records have none$/,
    /^alter table .*routes_table alter column "vehicle" drop not null$/,
  ],
  [
    "a unique index",
    "create unique index once on ROWS (user_id)",
    [7, 7],
    /^unique index "once" of table .*routes_table refuses a record$/,
    /^drop index .*"once"$/,
  ],
];

for (const [what, change, values, message, hint] of changes) {
  Deno.test(`write() stops on ${what} that a user added, and the error names it`, () =>
    withStore(async ({ sql, schema, store, ids: [a] }) => {
      await sql.unsafe(change.replace("ROWS", `"${schema}".routes_table`));
      const error = await assertRejects(() => store.write([step(a, 0, values)]));
      assertEquals(judgePostgres(error).act, "stop");
      const { postgresql } = testSettings([`postgresql.schema=${schema}`]);
      const failure = explainPostgres(error, postgresql) as OperationalError;
      assertMatch(failure.message, message);
      assertMatch(failure.hint.join(), hint);
      await sql.unsafe(failure.hint.join());
      assertEquals(await store.write([step(a, 0, values)]), [true], "the hint does not help");
    }));
}

Deno.test("addSources() leaves known partitions unchanged, even when three run at once", () =>
  withStore(async ({ store, ids: [a], sql, schema }) => {
    await store.write([step(a, 0, [1, 2])]);
    const starts = new Map([[0, 50], [1, 50], [2, 60], [3, 70]]);
    await Promise.all([1, 2, 3].map(() => store.addSources(starts)));
    const positions = (await store.sources()).map((
      { partition, nextOffset },
    ) => [partition, nextOffset]);
    assertEquals(positions, [[0, 2], [1, 0], [2, 60], [3, 70]]);
    // Sources of another topic or cluster are separate.
    for (const [clusterId, topic] of [["cluster", "other"], ["other", "topic"]] as const) {
      const other = openStore(sql, { schema, clusterId, topic });
      assertEquals(await other.sources(), []);
    }
  }));
