import type { Sql } from "postgres";
import type { Message, Points } from "../record/validate.ts";
import { requireKept } from "./kept_rows.ts";
import { decodeHeaders } from "./reject_json.ts";

/** The database operations of a retry of rejects. */
export interface Retry {
  /** Rejects of a source from offset `from`, in offset order: at most PAGE_BYTES, or one reject that is larger. */
  kept(source: number, from: number, countMax: number): Promise<Message[]>;
  /** Moves these records from the rejects to the rows and corrects the counts, in one statement. */
  move(source: number, points: Points): Promise<{ moved: number; before: number }>;
  /** The number of rejects of the topic, by code. */
  remaining(): Promise<Record<string, number>>;
}

const PAGE_BYTES = 4_194_304;

/** The tables of `schema`, for one topic of one cluster. */
export function openRetry(
  sql: Sql,
  { schema, clusterId, topic }: { schema: string; clusterId: string; topic: string },
): Retry {
  const table = (name: string) => sql(`${schema}.${name}`);
  return {
    kept: async (source, from, countMax) => {
      const rows = await sql`
        with page as (
          select source_offset, coalesce(octet_length(value), 0) + coalesce(octet_length(key), 0)
            + coalesce(octet_length(headers::text), 0) as bytes
          from ${table("routes_rejects")}
          where source_id = ${source} and source_offset >= ${from}
            -- Only a part of these records is kept.
            and code not in ('size', 'unreadable')
          order by source_offset
          limit ${countMax}
        ), measured as (
          select source_offset, sum(bytes) over (order by source_offset) - bytes as bytes_before
          from page
        )
        select source_offset, key, value, headers::text as headers
        from measured join ${table("routes_rejects")} using (source_offset)
        where source_id = ${source} and bytes_before < ${PAGE_BYTES}
        order by source_offset`;
      return rows.map(({ source_offset, key, value, headers }) => ({
        offset: source_offset,
        timestamp: "0",
        key,
        value,
        headers: decodeHeaders(headers),
      }));
    },
    move: async (source, points) => {
      // Locks the source first, like every other writer: a concurrent retry or replay then finds the rejects deleted.
      const [stored, taken] = [
        sql`(select count(*) from stored)`,
        sql`(select count(*) from taken)`,
      ];
      const [row] = await sql`
        with point as (
          select * from unnest(
            ${literal(points.offsets)}::bigint[], ${literal(points.userIDs)}::int[],
            ${literal(points.timestamps)}::float8[], ${literal(points.latitudes)}::float8[],
            ${literal(points.longitudes)}::float8[]
          ) as point (source_offset, user_id, timestamp, latitude, longitude)
        ), source as (
          select id from ${table("routes_sources")} where id = ${source} for update
        ), taken as (
          delete from ${table("routes_rejects")} as reject using point, source
          where reject.source_id = source.id and reject.source_offset = point.source_offset
          returning reject.source_id, point.*
        ), stored as (
          insert into ${table("routes_table")}
            (user_id, timestamp, latitude, longitude, source_id, source_offset)
          select user_id, timestamp, latitude, longitude, source_id, source_offset from taken
          returning 1
        ), counted as (
          update ${table("routes_sources")} as source
          set stored = source.stored + count, rejected = source.rejected - count, updated_at = now()
          from (select source_id, count(*) from taken group by source_id) as taken
          where source.id = source_id
        )
        select ${taken}::int as moved, ${requireKept(sql, "routes_table", stored, taken)},
          (
            select count(*) from point join ${table("routes_table")} as held
            on held.source_id = ${source} and held.source_offset = point.source_offset
          )::int as before`;
      return { moved: row!.moved, before: row!.before };
    },
    remaining: async () => {
      const rows = await sql`
        select code, count(*)::int as count
        from ${table("routes_rejects")} join ${table("routes_sources")} on id = source_id
        where cluster_id = ${clusterId} and topic = ${topic}
        group by code`;
      return Object.fromEntries(rows.map(({ code, count }) => [code, count]));
    },
  };
}

function literal(values: number[]): string {
  return `{${values.join()}}`;
}
