import { createHash } from "node:crypto";
import type { Sql } from "postgres";
import { OperationalError } from "../errors.ts";
import type { Applied, Migration } from "./migration_plan.ts";
import { once } from "./sql_text.ts";
import { quote, quoteText } from "./quote.ts";
import { checkColumns, requireEncoding } from "./requirements.ts";
import { formatMany } from "../units.ts";

/** The migration history of a schema. Callers hold the lock while they change it. */
export interface History {
  applied(): Promise<Applied[]>;
  /** Waits at most `ms` milliseconds for the lock of this schema. */
  lock(ms: number): Promise<void>;
  unlock(): Promise<void>;
  /** Records the migration in the history and applies it, in one transaction; false: another run has just done so. */
  apply(migration: Migration): Promise<boolean>;
  /** Throws when this database or an existing `routes_table` cannot be used. */
  checkDatabase(): Promise<void>;
  /** How many rows of the original program are kept; throws when some of them prevent the first migration. */
  checkOriginal(): Promise<number>;
}

const LOCK_POLL_MS = 100;
const TRIES_MAX = 5;

/** SHA-256 of a migration's text, in hex. */
export function checksum(sql: string): string {
  return createHash("sha256").update(sql).digest("hex");
}

/** Adds to each migration the checksum that the history records. */
export function withChecksums(migrations: Omit<Migration, "checksum">[]): Migration[] {
  return migrations.map((migration) => ({ ...migration, checksum: checksum(migration.sql) }));
}

/** The exact statements of a migration, as one transaction. */
export function script(schema: string, { version, name, sql, checksum }: Migration): string {
  return `begin;
set local lock_timeout = '5s';
select pg_advisory_xact_lock(${lockKey(schema)});
create schema if not exists ${quote(schema)};
set local search_path to ${quote(schema)};
create table if not exists routes_migrations (
  version int primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
);
insert into routes_migrations (version, name, checksum) values (${version}, '${name}', '${checksum}');

${sql.trim()}

commit;
`;
}

/** One lock for each schema: different schemas can be migrated at the same time. */
function lockKey(schema: string): string {
  return `hashtextextended(${quoteText(`routes migrate ${schema}`)}, 0)`;
}

/**
 * The history of `schema`; `sql` must use one connection, because the lock belongs to it. Behind a pooler no session is ours,
 * so that there only the transaction of each migration holds the lock.
 */
export function openHistory(
  sql: Sql,
  schema: string,
  isPooled: () => boolean = () => false,
): History {
  const key = lockKey(schema);
  return {
    applied: async () => {
      const [found] = await once(sql)`
        select 1 from pg_class join pg_namespace n on n.oid = relnamespace
        where nspname = ${schema} and relname = 'routes_migrations'`;
      if (!found) return [];
      const rows = await sql.unsafe(
        `select version, name, checksum from ${quote(schema)}.routes_migrations order by version`,
      );
      return rows.map(({ version, name, checksum }) => ({ version, name, checksum }));
    },
    lock: async (ms) => {
      if (isPooled()) return;
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
        const text = "a connection pooler is between this program and PostgreSQL";
        throw new OperationalError("unavailable", text, {
          reason: "a migration needs a connection of its own to hold its lock",
          hint: "set [postgresql] host and port to those of the server itself",
        });
      }
    },
    unlock: async () => {
      if (isPooled()) return;
      await sql.unsafe(`select pg_advisory_unlock(${key})`);
    },
    apply: async (migration) => {
      for (let tries = 1;; tries++) {
        try {
          await sql.unsafe(script(schema, migration)).simple();
          return true;
        } catch (error) {
          await sql.unsafe("rollback").catch(() => {});
          if (isRecorded(error)) return false;
          // While this waits for a reader of the table, later statements queue behind it: give up, then retry.
          if ((error as { code?: string }).code !== "55P03" || tries === TRIES_MAX) throw error;
        }
      }
    },
    checkDatabase: async () => {
      const [row] = await sql`
        select current_database() as name, current_setting('server_encoding') as encoding`;
      requireEncoding(row!.encoding, row!.name);
      await checkColumns(sql, schema);
    },
    checkOriginal: () => checkOriginal(sql, schema),
  };
}

/** Whether a migration failed because the history has it already. */
function isRecorded(error: unknown): boolean {
  return (error as { constraint_name?: string }).constraint_name === "routes_migrations_pkey";
}

async function pid(sql: Sql): Promise<number> {
  const [row] = await sql`select pg_backend_pid() as pid`;
  return row!.pid;
}

/** The rows in the table of the original program, if it exists; throws when the new constraints forbid some of them. */
async function checkOriginal(sql: Sql, schema: string): Promise<number> {
  const [found] = await once(sql)`select to_regclass(${`${
    quote(schema)
  }.routes_table`}) is not null as found`;
  if (!found!.found) return 0;
  const [row] = await sql.unsafe(
    `select count(*) as rows, count(*) filter (
       where user_id is null or timestamp is null or latitude is null or longitude is null
     ) as bad from ${quote(schema)}.routes_table`,
  );
  const [rows, bad] = [Number(row!.rows), Number(row!.bad)];
  if (bad === 0) return rows;
  const text = `table "${schema}.routes_table" has ${formatMany(bad, "row")} with null in a column`;
  throw new OperationalError("data", text, {
    hint: "delete or complete them, then run routes migrate again",
  });
}

/** Creates database `name`; `sql` is connected to another database. */
export async function createDatabase(sql: Sql, name: string): Promise<"created" | "exists"> {
  const [found] = await sql`select 1 from pg_database where datname = ${name}`;
  if (found) return "exists";
  const [template] = await sql`
    select pg_encoding_to_char(encoding) = 'UTF8' as fits from pg_database
    where datname = 'template1'`;
  const options = template!.fits ? "" : "encoding 'UTF8' template template0 locale 'C'";
  try {
    await sql.unsafe(`create database ${quote(name)} ${options}`);
    return "created";
  } catch (error) {
    // Another run created it first: 42P04, or 23505 when both ran at the same moment.
    if (["42P04", "23505"].includes((error as { code?: string }).code ?? "")) return "exists";
    throw error;
  }
}
