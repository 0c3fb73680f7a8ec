import type { Sql } from "postgres";

/** A table of `schema` that a session waits for, and the server process that holds the lock; null when none waits. */
export async function findLock(
  sql: Sql,
  schema: string,
): Promise<{ table: string; pid: number } | null> {
  const [row] = await sql`
    select relname as table, (pg_blocking_pids(pid))[1] as pid
    from pg_locks
    join pg_class on pg_class.oid = relation
    join pg_namespace on pg_namespace.oid = relnamespace
    where not granted and nspname = ${schema} and relname like 'routes%' and relkind in ('r', 'p')
      and database = (select oid from pg_database where datname = current_database())
    order by relname desc
    limit 1`;
  return row?.pid ? { table: row.table, pid: row.pid } : null;
}

/** As findLock(), after the wait: a table of `schema` on which another session holds a lock that keeps writers out. */
export async function findHolder(
  sql: Sql,
  schema: string,
): Promise<{ table: string; pid: number } | null> {
  const [row] = await sql`
    select relname as table, pid
    from pg_locks
    join pg_class on pg_class.oid = relation
    join pg_namespace on pg_namespace.oid = relnamespace
    where granted and pid <> pg_backend_pid() and nspname = ${schema} and relname like 'routes%'
      and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
      and relkind in ('r', 'p')
      and database = (select oid from pg_database where datname = current_database())
    order by relname desc
    limit 1`;
  return row ? { table: row.table, pid: row.pid } : null;
}
