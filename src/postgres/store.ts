import { createHash } from "node:crypto";
import type { Fragment, Helper, Sql } from "postgres";
import type { Message, Points, Validated } from "../record/validate.ts";
import { once, statementWriter } from "./sql_text.ts";
import { requireKept } from "./kept_rows.ts";
import { encodeRejects } from "./reject_json.ts";

/** The progress of one partition of one topic of one cluster. */
export interface Source {
  id: number;
  partition: number;
  /** Kafka's id of the topic that was read; null if it is not known yet. */
  topicId: string | null;
  /** The position: every readable record below it is written, exactly once. */
  nextOffset: number;
  stored: number;
  rejected: number;
  tombstones: number;
  /** Tombstones below this offset were counted before a replay. */
  tombstonesTo: number;
  /** The last record written, to detect a recreated topic; null before the first. */
  last: { offset: number; hash: string } | null;
}

/** One step of one source: all readable records in [from, to), validated and ready to write. */
export interface Step {
  source: number;
  from: number;
  to: number;
  messages: Message[];
  validated: Validated;
}

/** The database operations of consume. */
export interface Store {
  sources(): Promise<Source[]>;
  /** Adds new partitions, each with its start offset; leaves known partitions unchanged. */
  addSources(starts: Map<number, number>): Promise<void>;
  /** Writes every step whose source is at position `from`, in one statement; returns which ones were written. */
  write(steps: Step[]): Promise<boolean[]>;
  /** The SQLSTATE with which the database refuses the data of a step; null when it does not. Writes nothing. */
  refusal(step: Step): Promise<string | null>;
  /** Moves sources that are at position `from` to `to`: no readable record lies between. Returns which ones it moved. */
  pass(moves: { source: number; from: number; to: number }[]): Promise<boolean[]>;
  /** Moves a source from position `from` to `to` and records the range between as lost; false: its position is another. */
  skip(source: number, from: number, to: number, reason: string): Promise<boolean>;
  /** The position of a source; null when its row was deleted. */
  position(source: number): Promise<number | null>;
}

/** The name of an unknown parameter: current_setting() fails with it after everything else was tried. */
const DRY_RUN = "routes dry run";

/** The tables of `schema`, for one topic of one cluster. */
export function openStore(
  sql: Sql,
  { schema, clusterId, topic, topicId = null }: {
    schema: string;
    clusterId: string;
    topic: string;
    /** Stored with what is written; null: not known. */
    topicId?: string | null;
  },
): Store {
  const table = (name: string) => sql(`${schema}.${name}`);
  return {
    sources: async () => {
      const rows = await once(sql)`
        select id, partition, topic_id, next_offset, stored, rejected, tombstones, tombstones_to, last_offset,
          last_hash
        from ${statementWriter(`${schema}.routes_sources`)}
        where cluster_id = ${clusterId} and topic = ${topic}
        order by partition`;
      return rows.map((row) => ({
        id: row.id,
        partition: row.partition,
        topicId: row.topic_id,
        nextOffset: Number(row.next_offset),
        stored: Number(row.stored),
        rejected: Number(row.rejected),
        tombstones: Number(row.tombstones),
        tombstonesTo: Number(row.tombstones_to),
        last: row.last_hash === null
          ? null
          : { offset: Number(row.last_offset), hash: row.last_hash },
      }));
    },
    addSources: async (starts) => {
      await sql`
        insert into ${table("routes_sources")}
          (cluster_id, topic, topic_id, partition, next_offset, start_offset)
        select ${clusterId}, ${topic}, ${topicId}::uuid, partition, start, start
        from unnest(
          ${literal([...starts.keys()])}::int[], ${literal([...starts.values()])}::bigint[]
        ) as start (partition, start)
        on conflict (cluster_id, topic, partition) do nothing`;
    },
    pass: async (moves) => {
      const moved = await sql`
        update ${
        table("routes_sources")
      } as source set next_offset = move.to_offset, updated_at = now()
        from unnest(
          ${literal(moves.map(({ source }) => source))}::int[],
          ${literal(moves.map(({ from }) => from))}::bigint[],
          ${literal(moves.map(({ to }) => to))}::bigint[]
        ) as move (id, from_offset, to_offset)
        where source.id = move.id and source.next_offset = move.from_offset
        returning source.id`;
      return moves.map(({ source }) => moved.some(({ id }) => id === source));
    },
    skip: async (source, from, to, reason) => {
      const recorded = await sql`
        with moved as (
          update ${table("routes_sources")} set next_offset = ${to}, updated_at = now()
          where id = ${source} and next_offset = ${from}
          returning id
        )
        insert into ${table("routes_losses")} (source_id, from_offset, to_offset, reason)
        select id, ${from}::bigint, ${to}::bigint, ${reason} from moved
        returning source_id`;
      return recorded.length > 0;
    },
    write: (steps) => writeSteps(sql, table, topicId, steps),
    refusal: async (step) => {
      try {
        await writeSteps(sql, table, topicId, [step], sql`current_setting(${DRY_RUN}::text)`);
        return null;
      } catch (error) {
        const { code = "" } = error as { code?: string };
        return /^2[23]/.test(code) ? code : null;
      }
    },
    position: async (source) => {
      const [row] = await sql`
        select next_offset from ${table("routes_sources")} where id = ${source}`;
      return row ? Number(row.next_offset) : null;
    },
  };
}

/**
 * Guarantees exactly-once: one statement writes position, rows and rejects together, and only if the position is
 * still where the step began. A process that lost the race or was suspended writes nothing. `end` is evaluated last.
 */
async function writeSteps(
  sql: Sql,
  table: (name: string) => Helper<string>,
  topicId: string | null,
  steps: Step[],
  end: Fragment = sql`null`,
): Promise<boolean[]> {
  const kept = (cte: Fragment) => sql`(select count(*) from ${cte} where source_id = id)`;
  const keptPoints = requireKept(sql, "routes_table", kept(sql`point`), sql`stored`);
  const keptRejects = requireKept(sql, "routes_rejects", kept(sql`reject`), sql`rejected`);
  const written = await sql`
    with step as (
      select * from ${unnestSteps(sql, steps)}
    ), moved as (
      update ${table("routes_sources")} as source
      set next_offset = step.to_offset,
          stored = source.stored + step.stored,
          rejected = source.rejected + step.rejected,
          tombstones = source.tombstones + step.tombstones,
          topic_id = coalesce(${topicId}::uuid, source.topic_id),
          last_offset = step.last_offset, last_time = step.last_time, last_hash = step.last_hash,
          updated_at = now()
      from step
      where source.id = step.id and source.next_offset = step.from_offset
        and coalesce(source.topic_id = ${topicId}::uuid, true)
      returning source.id, step.stored, step.rejected
    ), point as (
      insert into ${table("routes_table")}
        (user_id, timestamp, latitude, longitude, source_id, source_offset)
      select user_id, timestamp, latitude, longitude, source_id, source_offset
      from (${selectPoints(sql, steps)}) as point
      where source_id in (select id from moved)
      returning source_id
    ), reject as (
      insert into ${table("routes_rejects")}
        (source_id, source_offset, last_offset, record_time, key, value, headers, code, path, message)
      select source_id, source_offset, last_offset, to_timestamp(record_time / 1000.0),
             decode(key, 'hex'), decode(value, 'hex'), headers, code, path, message
      from json_to_recordset(${encodeRejects(steps)}::text::json) as reject
        (source_id int, source_offset bigint, last_offset bigint, record_time float8, key text, value text, headers jsonb,
         code text, path text, message text)
      where source_id in (select id from moved)
      returning source_id
    )
    select id, ${keptPoints}, ${keptRejects}, ${end} from moved`;
  return steps.map(({ source }) => written.some(({ id }) => id === source));
}

/** The steps as rows; columns are array literals built here: half the cost of serializing arrays in the client. */
function unnestSteps(sql: Sql, steps: Step[]): Fragment {
  const column = (of: (step: Step) => number | string) => literal(steps.map(of));
  return sql`unnest(
    ${column((s) => s.source)}::int[],
    ${column((s) => s.from)}::bigint[],
    ${column((s) => s.to)}::bigint[],
    ${column((s) => s.validated.points.offsets.length)}::bigint[],
    ${column((s) => s.validated.rejects.length)}::bigint[],
    ${column((s) => s.validated.tombstones)}::bigint[],
    ${column((s) => Number(last(s).offset))}::bigint[],
    ${column((s) => last(s).timestamp)}::bigint[],
    ${column((s) => fingerprint(last(s)))}::text[]
  ) as step (id, from_offset, to_offset, stored, rejected, tombstones, last_offset, last_time, last_hash)`;
}

/**
 * Selects the points of all steps. Columns are unnested in the select list, row by row; in the from list PostgreSQL would
 * first materialize each column, a fifth of the statement's time.
 */
function selectPoints(sql: Sql, steps: Step[]): Fragment {
  const column = (of: (points: Points, source: number) => number[]) =>
    `{${steps.map((s) => of(s.validated.points, s.source).join()).filter(Boolean)}}`;
  return sql`
    select
      unnest(${column((points) => points.userIDs)}::int[]) as user_id,
      unnest(${column((points) => points.timestamps)}::float8[]) as timestamp,
      unnest(${column((points) => points.latitudes)}::float8[]) as latitude,
      unnest(${column((points) => points.longitudes)}::float8[]) as longitude,
      unnest(${column(({ offsets }, id) => Array(offsets.length).fill(id))}::int[]) as source_id,
      unnest(${column((points) => points.offsets)}::bigint[]) as source_offset`;
}

function last({ messages }: Step): Message {
  return messages.at(-1)!;
}

function literal(values: (number | string)[]): string {
  return `{${values.join()}}`;
}

/** A hash of time, key and value: tells a record from the one at the same offset of a recreated topic. */
export function fingerprint({ timestamp, key, value }: Message): string {
  const hash = createHash("sha256").update(
    `${timestamp} ${key?.length ?? -1} ${value?.length ?? -1} `,
  );
  if (key) hash.update(key);
  if (value) hash.update(value);
  return hash.digest("hex").slice(0, 32);
}
