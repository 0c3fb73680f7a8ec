import { Buffer } from "node:buffer";
import type { Sql } from "postgres";

/** Reads the data that verify compares with the topic. */
export interface Audit {
  /** All sources of the topic, read in one snapshot. */
  sources(): Promise<AuditedSource[]>;
  held(source: number, from: number, to: number): Promise<Held>;
}

/** The tables of `schema`, for one topic of one cluster; `sql` may be read-only. */
export function openAudit(
  sql: Sql,
  { schema, clusterId, topic }: { schema: string; clusterId: string; topic: string },
): Audit {
  const table = (name: string) => sql(`${schema}.${name}`);
  return {
    sources: async () => {
      // A single statement reads one snapshot, even while another process writes.
      const sources = await sql`
        select id, partition, topic_id, start_offset, next_offset, stored, rejected, tombstones, tombstones_to,
          (select count(*) from ${table("routes_table")} where source_id = id) as rows_held,
          (select count(*) from ${table("routes_rejects")} where source_id = id) as rejects_held,
          to_json(array(
            select source_offset from ${table("routes_table")}
            where source_id = id and source_offset >= next_offset
            union all
            select source_offset from ${table("routes_rejects")}
            where source_id = id and source_offset >= next_offset
            order by 1 limit 5
          )) as ahead,
          (
            select coalesce(json_agg(json_build_object(
              'from', from_offset, 'to', to_offset, 'reason', reason) order by from_offset), '[]')
            from ${table("routes_losses")} where source_id = id
          ) as lost
        from ${table("routes_sources")}
        where cluster_id = ${clusterId} and topic = ${topic}
        order by partition`;
      return sources.map((source) => ({
        id: source.id,
        partition: source.partition,
        topicId: source.topic_id,
        startOffset: Number(source.start_offset),
        nextOffset: Number(source.next_offset),
        stored: Number(source.stored),
        rejected: Number(source.rejected),
        tombstones: Number(source.tombstones),
        tombstonesTo: Number(source.tombstones_to),
        rowsHeld: Number(source.rows_held),
        rejectsHeld: Number(source.rejects_held),
        ahead: source.ahead,
        lost: source.lost,
      }));
    },
    held: async (source, from, to) => {
      const [[packed], rejects] = await Promise.all([
        sql`
          select string_agg(
            int8send(source_offset) || int4send(user_id) ||
              float8send(timestamp) || float8send(latitude) || float8send(longitude),
            ''::bytea order by source_offset) as rows
          from ${table("routes_table")}
          where source_id = ${source} and source_offset >= ${from} and source_offset < ${to}`,
        sql`
          select source_offset, value from ${table("routes_rejects")}
          where source_id = ${source} and source_offset >= ${from} and source_offset < ${to}`,
      ]);
      return {
        rows: packed?.rows ?? Buffer.alloc(0),
        rejects: new Map(rejects.map((row) => [Number(row.source_offset), row.value])),
      };
    },
  };
}

/** A source as the database describes it. */
export interface AuditedSource {
  id: number;
  partition: number;
  /** Kafka's id of the topic that was read; null if it is not known. */
  topicId: string | null;
  startOffset: number;
  nextOffset: number;
  stored: number;
  rejected: number;
  tombstones: number;
  /** Tombstones below this offset are already counted, whatever `nextOffset` is. */
  tombstonesTo: number;
  /** Number of rows and rejects of the source, at any offset. */
  rowsHeld: number;
  rejectsHeld: number;
  /** The first 5 offsets >= `nextOffset` that have a row or a reject; empty in a consistent database. */
  ahead: number[];
  lost: { from: number; to: number; reason: string }[];
}

/** The content of offsets [from, to): packed rows in offset order, and the value of each reject by offset. */
export interface Held {
  rows: Uint8Array;
  rejects: Map<number, Uint8Array | null>;
}
