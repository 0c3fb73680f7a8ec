import type { Sql } from "postgres";

/** Whether the index is there; `broken`: building it was interrupted, and it is not used. */
export type IndexState = "absent" | "ready" | "broken";

const NAME = "routes_table_place";

/**
 * An index for `--near` and `--bbox` on the `routes_table` of `schema`. It is not a migration, because it costs each
 * insert some microseconds that only these queries get back. `sql` must use one connection.
 */
export function openPlaceIndex(sql: Sql, schema: string) {
  const name = sql(`${schema}.${NAME}`);
  const state = async (): Promise<IndexState> => {
    const [row] = await sql`
      select indisvalid from pg_index join pg_class on oid = indexrelid
      where relname = ${NAME} and relnamespace = (
        select oid from pg_namespace where nspname = ${schema}
      )`;
    return row ? row.indisvalid ? "ready" : "broken" : "absent";
  };
  const drop = async () => {
    await sql`set statement_timeout = 0`;
    await sql`drop index concurrently if exists ${name}`;
  };
  return {
    state,
    drop,
    /** Builds it without blocking writers, which can take minutes; an interrupted build begins again. */
    create: async () => {
      if (await state() === "broken") await drop();
      await sql`set statement_timeout = 0`;
      await sql`
        create index concurrently if not exists ${sql(NAME)} on ${sql(`${schema}.routes_table`)}
        using spgist (point(longitude, latitude)) where ${onGlobe(sql)}`;
    },
  };
}

/** True for every place on the globe: other programs may write NaN and infinity, which the index cannot hold. */
export function onGlobe(sql: Sql) {
  return sql`latitude between -90 and 90 and longitude between -180 and 180`;
}
