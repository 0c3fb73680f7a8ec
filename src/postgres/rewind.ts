import type { Sql } from "postgres";

/** A source to move back `from` its position; `to` is null when the partition no longer exists: deletes all its data. */
export interface Rewind {
  source: number;
  from: number;
  /** Its current number of rejects: detects a concurrent retry, which does not change the position. */
  rejected: number;
  to: number | null;
}

/** The database operations of a replay on the tables of `schema`; a statement can take minutes. */
export function openRewinder(sql: Sql, schema: string) {
  const table = (name: string) => sql(`${schema}.${name}`);
  const targets = (rewinds: Rewind[]) =>
    sql`
      select * from unnest(
        ${`{${rewinds.map(({ source }) => source)}}`}::int[],
        ${`{${rewinds.map(({ from }) => from)}}`}::bigint[],
        ${`{${rewinds.map(({ rejected }) => rejected)}}`}::bigint[],
        ${`{${rewinds.map(({ to }) => to ?? 0)}}`}::bigint[],
        ${`{${rewinds.map(({ to }) => to === null)}}`}::bool[]
      ) as target (source, stands_at, rejects, back_to, gone)`;
  return {
    extent: async (rewinds: Rewind[]): Promise<{ rows: number; rejects: number }> => {
      const [row] = await sql`
        with target as (${targets(rewinds)})
        select
          (select count(*) from target join ${table("routes_table")}
            on source_id = source and source_offset >= back_to) as rows,
          (select count(*) from target join ${table("routes_rejects")}
            on source_id = source and source_offset >= back_to) as rejects`;
      return { rows: Number(row!.rows), rejects: Number(row!.rejects) };
    },
    // One statement: a concurrent writer either commits first, so the position or the number of rejects has changed and
    // nothing is deleted; or it finds the position moved back and writes nothing.
    rewind: async (rewinds: Rewind[]): Promise<number> => {
      const [row] = await sql`
        with target as (${targets(rewinds)}), moved as (
          update ${table("routes_sources")} as source
          set next_offset = back_to,
              stored = stored - (
                select count(*) from ${table("routes_table")} as held
                where held.source_id = id and held.source_offset >= back_to
              ),
              rejected = rejected - (
                select count(*) from ${table("routes_rejects")} as held
                where held.source_id = id and held.source_offset >= back_to
              ),
              tombstones = case when back_to <= start_offset then 0 else tombstones end,
              tombstones_to = case
                when back_to <= start_offset then 0
                else greatest(tombstones_to, next_offset)
              end,
              topic_id = case when back_to <= start_offset then null else topic_id end,
              start_offset = least(start_offset, back_to),
              last_offset = null, last_time = null, last_hash = null, updated_at = now()
          from target
          where id = target.source and next_offset = stands_at and rejected = rejects and not gone
          returning id, back_to
        ), removed as (
          delete from ${table("routes_sources")} using target
          where id = target.source and next_offset = stands_at and rejected = rejects and gone
          returning id, back_to
        ), back as (
          select * from moved union all select * from removed
        ), gone_rows as (
          delete from ${table("routes_table")} using back
          where source_id = id and source_offset >= back_to
        ), gone_rejects as (
          delete from ${table("routes_rejects")} using back
          where source_id = id and source_offset >= back_to
        ), gone_losses as (
          delete from ${table("routes_losses")} using back
          where source_id = id and from_offset >= back_to
        )
        select count(*)::int as moved from back`;
      return row!.moved;
    },
  };
}
