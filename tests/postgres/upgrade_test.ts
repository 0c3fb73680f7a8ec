import { assert, assertEquals } from "@std/assert";
import type { Sql } from "postgres";
import { makeStep } from "../../src/commands/consume/step.ts";
import { runMigrate } from "../../src/commands/migrate/migrate.ts";
import { openHistory, script, withChecksums } from "../../src/postgres/migrate.ts";
import { migrations } from "../../src/postgres/migrations/mod.ts";
import { openRetry } from "../../src/postgres/rejects.ts";
import { openStore } from "../../src/postgres/store.ts";
import { withSchema } from "../support/fixtures.ts";
import { openPlaceIndex } from "../../src/postgres/place_index.ts";

/**
 * Statements that fill a schema of each version, as the program of that version did. They are text, because the store of
 * today writes the newest version only.
 */
const FIXTURES: Record<number, string> = {
  // The original program made this table; no routes migration was applied.
  0: `
    create table routes_table
      (user_id int, timestamp float8, latitude float8, longitude float8);
    insert into routes_table values
      (7, 1732431234.567, 60.1699, 24.9384),
      (7, 1732431234.567, 60.1699, 24.9384),
      (-2147483648, 0, -90, 180),
      (2147483647, 253402300799, 5e-324, -0.1)`,
  1: `
    insert into routes_sources (cluster_id, topic, partition, start_offset, next_offset, stored,
      rejected, tombstones, tombstones_to, last_offset, last_time, last_hash) values
      ('cluster', 'topic', 0, 0, 9, 3, 2, 1, 0, 8, 1732431234567, 'hash'),
      ('cluster', 'topic', 1, 5, 5, 0, 0, 0, 7, null, null, null),
      ('other', 'topic', 0, 0, 9007199254740991, 0, 0, 0, 0, null, null, null);
    insert into routes_table values
      (7, 1732431234.567, 60.1699, 24.9384, 1, 0),
      (8, 1732431235.5, 60.2, 24.9, 1, 2),
      (9, 1732431236.5, 60.3, 24.8, 1, 8),
      (7, 1732431234.567, 60.1699, 24.9384, null, null);
    insert into routes_rejects
      (source_id, source_offset, record_time, key, value, headers, code, path, message) values
      (1, 3, '2024-11-24 07:33:54.567Z', '\\xff00', '\\x7b', '[{"key": "a", "value": "1"}]',
        'json_syntax', '', 'expected a key'),
      (1, 4, null, null, '\\x6e756c6c', '[{"key_base64": "YgA=", "value_base64": "/w=="}]',
        'schema', 'userID', 'expected an object');
    insert into routes_losses (source_id, from_offset, to_offset, reason) values
      (1, 5, 8, 'deleted by retention')`,
  2: `
    insert into routes_sources (cluster_id, topic, topic_id, partition, start_offset, next_offset,
      stored, rejected, last_offset, last_time, last_hash) values
      ('cluster', 'topic', '24d887f7-7615-4ecd-ab3d-f6f90e6dd6e9', 0, 0, 9, 1, 1, 8, null, 'hash'),
      ('cluster', 'topic', null, 1, 5, 5, 0, 0, null, null, null);
    insert into routes_table values (7, 1732431234.567, 60.1699, 24.9384, 1, 0);
    insert into routes_rejects
      (source_id, source_offset, last_offset, value, code, path, message) values
      (1, 1, 8, '\\x00', 'json_syntax', '', 'expected a value');
    insert into routes_losses (source_id, from_offset, to_offset, reason) values
      (2, 1, 5, 'deleted by retention')`,
};

const known = withChecksums(migrations);
const newest = migrations.at(-1)!.version;

for (const version of [0, ...migrations.map(({ version }) => version)]) {
  Deno.test(`migrate keeps all data of a schema at version ${version}, and consume can write to it`, () =>
    withSchema(async ({ schema, sql }) => {
      const fixture = FIXTURES[version];
      assert(fixture, `add statements for version ${version} to FIXTURES`);
      for (const migration of known.filter((one) => one.version <= version)) {
        await sql.unsafe(script(schema, migration)).simple();
      }
      await sql.unsafe(
        `create schema if not exists "${schema}"; set search_path to "${schema}"; ${fixture};
        reset search_path`,
      ).simple();
      const before = await snapshot(sql, schema);
      assert(before.size > 0 && [...before.values()].every(({ rows }) => rows.length > 0));

      assertEquals(await migrate(sql, schema), newest - version);
      for (const [table, { columns, rows }] of before) {
        assertEquals(await rowsOf(sql, schema, table, columns), rows, `${table} changed`);
      }
      await continueReading(sql, schema);
      assertEquals(await migrate(sql, schema), 0);
    }, { migrated: false }));
}

/** Runs `routes migrate`; returns the number of migrations that it applied. */
async function migrate(sql: Sql, schema: string): Promise<number> {
  const { applied } = await runMigrate({
    status: false,
    dryRun: false,
    createDatabase: false,
    topic: false,
    partitions: 1,
    replication: null,
    index: null,
    dropIndex: null,
    lockTimeoutMs: 10_000,
  }, {
    known,
    database: "postgres",
    topic: "topic",
    kafka: { createTopic: () => Promise.reject(new Error("not requested")) },
    postgres: {
      placeIndex: openPlaceIndex(sql, schema),
      ...openHistory(sql, schema),
      createDatabase: () => Promise.reject(new Error("not requested")),
      script: (migration) => script(schema, migration),
    },
    stdout: { write: () => Promise.resolve() },
    system: { now: Date.now, isWindows: false },
  });
  return applied.length;
}

/** Every table of the program with its columns and rows, except the history of migrations. */
async function snapshot(sql: Sql, schema: string) {
  const tables = await sql`
    select table_name as name, array_agg(column_name::text order by ordinal_position)::text as columns
    from information_schema.columns
    where table_schema = ${schema} and table_name <> 'routes_migrations'
    group by table_name`;
  const found = new Map<string, { columns: string[]; rows: string[] }>();
  for (const { name, columns: list } of tables) {
    const columns = list.slice(1, -1).split(",");
    found.set(name, { columns, rows: await rowsOf(sql, schema, name, columns) });
  }
  return found;
}

/** The rows of a table as text, in a fixed order. */
async function rowsOf(
  sql: Sql,
  schema: string,
  table: string,
  columns: string[],
): Promise<string[]> {
  const rows = await sql`
    select row(${sql(columns)})::text as row from ${sql(`${schema}.${table}`)} order by 1`;
  return rows.map(({ row }) => row);
}

/** Writes a step to each source of a topic, old and new, and reads its rejects. */
async function continueReading(sql: Sql, schema: string): Promise<void> {
  const names = { schema, clusterId: "cluster", topic: "topic" };
  const store = openStore(sql, names);
  await store.addSources(new Map([[0, 0], [1, 0], [2, 0]]));
  const sources = await store.sources();
  const values = ['{"userID":1,"timestamp":1.5,"coordinates":[2.5,3.5]}', "{"];
  for (const { id, nextOffset, stored, rejected } of sources) {
    const messages = values.map((value, i) => ({
      offset: String(nextOffset + i),
      timestamp: "1732431234567",
      key: null,
      value: new TextEncoder().encode(value),
    }));
    assertEquals(await store.write([makeStep(id, nextOffset, messages)]), [true]);
    const after = (await store.sources()).find((source) => source.id === id)!;
    assertEquals(
      [after.nextOffset, after.stored, after.rejected],
      [nextOffset + 2, stored + 1, rejected + 1],
    );
    const kept = await openRetry(sql, names).kept(id, 0, 100);
    assertEquals(kept.length, rejected + 1);
  }
  assertEquals(sources.length, 3);
}
