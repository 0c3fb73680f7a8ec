import { createHash } from "node:crypto";
import type { Sql } from "postgres";
import { OperationalError } from "../errors.ts";
import type { Applied, Migration } from "./migration_plan.ts";

/** The history of a schema; every change is made under its lock. */
export interface History {
  applied(): Promise<Applied[]>;
  /** Waits for the lock of this schema, at most `ms`. */
  lock(ms: number): Promise<void>;
  unlock(): Promise<void>;
  /** The migration and its line in the history, both or neither. */
  apply(migration: Migration): Promise<void>;
  /** Fails where `routes_table` is there but is not the original program's. */
  checkOriginal(): Promise<void>;
}

const LOCK_POLL_MS = 100;
const TRIES_MAX = 5;

/** SHA-256 of a migration's text, in hex. */
export function checksum(sql: string): string {
  return createHash("sha256").update(sql).digest("hex");
}

/** Migrations with the checksums that the history keeps of them. */
export function withChecksums(migrations: Omit<Migration, "checksum">[]): Migration[] {
  return migrations.map((migration) => ({ ...migration, checksum: checksum(migration.sql) }));
}

/** The exact statements of a migration, as one message that PostgreSQL carries out whole or not at all. */
export function script(schema: string, { version, name, sql, checksum }: Migration): string {
  return `begin;
set local lock_timeout = '5s';
create schema if not exists ${quote(schema)};
set local search_path to ${quote(schema)};
create table if not exists routes_migrations (
  version int primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
);

${sql.trim()}

insert into routes_migrations (version, name, checksum) values (${version}, '${name}', '${checksum}');
commit;
`;
}

/** The history of `schema`; `sql` must hold one connection, for the lock lives in it. */
export function openHistory(sql: Sql, schema: string): History {
  // Two schemas may be migrated at the same time, the same one not.
  const key = `hashtextextended(${literal(`routes migrate ${schema}`)}, 0)`;
  return {
    applied: async () => {
      const [found] = await sql`
        select 1 from information_schema.tables
        where table_schema = ${schema} and table_name = 'routes_migrations'`;
      if (!found) return [];
      const rows = await sql.unsafe(
        `select version, name, checksum from ${quote(schema)}.routes_migrations order by version`,
      );
      return rows.map(({ version, name, checksum }) => ({ version, name, checksum }));
    },
    lock: async (ms) => {
      const backend = await pid(sql);
      for (const endAt = Date.now() + ms;;) {
        const [row] = await sql.unsafe(`select pg_try_advisory_lock(${key}) as held`);
        if (row?.held) break;
        if (Date.now() >= endAt) {
          throw new OperationalError("temporary", "another run of routes migrate holds the lock", {
            hint: "wait for it, or raise --lock-timeout",
          });
        }
        await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
      }
      if (await pid(sql) !== backend) {
        throw new OperationalError(
          "settings",
          "a connection pooler is between this program and PostgreSQL",
          {
            reason: "the lock of a migration holds only on a connection of its own",
            hint: "give [postgresql] host and port of the server itself",
          },
        );
      }
    },
    unlock: async () => {
      await sql.unsafe(`select pg_advisory_unlock(${key})`);
    },
    apply: async (migration) => {
      for (let tries = 1;; tries++) {
        try {
          await sql.unsafe(script(schema, migration)).simple();
          return;
        } catch (error) {
          await sql.unsafe("rollback").catch(() => {});
          // A reader that holds the table must not make everyone behind it wait for ever: step back, try again.
          if ((error as { code?: string }).code !== "55P03" || tries === TRIES_MAX) throw error;
        }
      }
    },
    checkOriginal: () => checkOriginal(sql, schema),
  };
}

async function pid(sql: Sql): Promise<number> {
  const [row] = await sql`select pg_backend_pid() as pid`;
  return row!.pid;
}

async function checkOriginal(sql: Sql, schema: string): Promise<void> {
  const columns = await sql`
    select column_name as name, data_type as type from information_schema.columns
    where table_schema = ${schema} and table_name = 'routes_table' order by ordinal_position`;
  if (columns.length === 0) return;
  const found = columns.map(({ name, type }) => `${name} ${type}`).join(", ");
  const original = [
    "user_id integer",
    "timestamp double precision",
    "latitude double precision",
    "longitude double precision",
  ];
  if (found !== original.join(", ")) {
    throw new OperationalError(
      "data",
      `table "${schema}.routes_table" is not the one of the original program`,
      {
        reason: [`found ${found}`, `expected ${original.join(", ")}`],
        hint: "rename that table, or set [postgresql] schema to another one",
      },
    );
  }
  const [row] = await sql.unsafe(
    `select count(*)::int as count from ${quote(schema)}.routes_table
     where user_id is null or timestamp is null or latitude is null or longitude is null`,
  );
  if (row!.count > 0) {
    throw new OperationalError(
      "data",
      `table "${schema}.routes_table" has ${row!.count} rows with nothing in a column`,
      {
        hint: `delete or complete them, then run routes migrate again`,
      },
    );
  }
}

/** Creates the database of the settings through another one. */
export async function createDatabase(sql: Sql, name: string): Promise<"created" | "exists"> {
  const [found] = await sql`select 1 from pg_database where datname = ${name}`;
  if (found) return "exists";
  try {
    await sql.unsafe(`create database ${quote(name)}`);
    return "created";
  } catch (error) {
    // Another run was quicker: 42P04, or 23505 when both were at it in the same moment.
    if (["42P04", "23505"].includes((error as { code?: string }).code ?? "")) return "exists";
    throw error;
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
