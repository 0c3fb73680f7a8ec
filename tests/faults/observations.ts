import { hash, hashRow, type Observations, type StoredEntry } from "./checker.ts";
import { type Scenario, SECRET } from "./scenario.ts";
import { readLog } from "./topic.ts";

/** SQL for triggers that log every change of a position, and every statement that changed none. */
export function logMoves(schema: string): string {
  return `
    set search_path to ${schema};
    alter table routes_table add column arrival bigserial;
    create table faults_moves (id bigserial, source int, before bigint, after bigint,
      at timestamptz default clock_timestamp());
    create table faults_lost (at timestamptz default clock_timestamp());
    create function faults_move() returns trigger language plpgsql as $$ begin
      insert into ${schema}.faults_moves (source, before, after)
      values (old.id, old.next_offset, new.next_offset);
      return null;
    end $$;
    create function faults_lose() returns trigger language plpgsql as $$ begin
      insert into ${schema}.faults_lost select where not exists (select from moved);
      return null;
    end $$;
    create trigger faults_move after update on routes_sources for each row
      when (old.next_offset is distinct from new.next_offset) execute function faults_move();
    create trigger faults_lose after update on routes_sources
      referencing new table as moved for each statement execute function faults_lose()`;
}

/**
 * Returns what is wrong at this moment: nothing may be stored above a position or be missing below it, and no committed offset
 * may be higher than its position.
 */
export async function takeSnapshot(scenario: Scenario): Promise<string[]> {
  // The program commits to Kafka last, so Kafka is read first.
  const committed = scenario.offsetsMayLead ? null : await committedOffsets(scenario);
  const rows = await scenario.sql`
    select partition, next_offset::int, stored::int, rejected::int, rows::int, rejects::int,
      greatest(highest_row, highest_reject) >= next_offset as above
    from ${scenario.table("routes_sources")} as source,
      lateral (select count(*) as rows, max(source_offset) as highest_row
        from ${scenario.table("routes_table")} where source_id = source.id) as row,
      lateral (select count(*) as rejects, max(source_offset) as highest_reject
        from ${scenario.table("routes_rejects")} where source_id = source.id) as reject`;
  const wrong: string[] = [];
  for (const row of rows) {
    const where = `in a snapshot, partition ${row.partition}`;
    if (row.stored !== row.rows || row.rejected !== row.rejects || row.above) {
      wrong.push(`I5 ${where}: ${JSON.stringify(row)}`);
    }
    const offset = committed?.get(row.partition) ?? 0;
    if (offset > row.next_offset && !scenario.offsetsMayLead) {
      wrong.push(`I9 ${where}: committed offset ${offset}, position ${row.next_offset}`);
    }
  }
  return wrong;
}

/** The committed offsets of the group, by partition. */
async function committedOffsets({ admin, group, name }: Scenario): Promise<Map<number, number>> {
  const [topic] = await admin.fetchOffsets({ groupId: group, topics: [name] });
  return new Map(topic!.partitions.map(({ partition, offset }) => [partition, +offset]));
}

/** Reads everything from the services, except what is `known` already. */
export async function gatherObservations(
  scenario: Scenario,
  known: Partial<Observations>,
): Promise<Observations> {
  const committed = await committedOffsets(scenario);
  const { sql } = scenario;
  const sources = await sql`
    select id, partition, start_offset, next_offset, stored, rejected, tombstones
    from ${scenario.table("routes_sources")} where topic = ${scenario.name}`;
  const rows: StoredEntry[] = [];
  // After a long run these are millions, so they are hashed in pieces.
  await sql`
    select source_id, source_offset, user_id, timestamp, latitude, longitude, arrival
    from ${scenario.table("routes_table")} where source_id is not null`
    .cursor(10_000, (piece) => {
      for (const row of piece) {
        const coordinates: [number, number] = [row.latitude, row.longitude];
        rows.push({
          source: row.source_id,
          offset: Number(row.source_offset),
          arrival: Number(row.arrival),
          hash: hashRow({ userID: row.user_id, timestamp: row.timestamp, coordinates }),
        });
      }
    });
  const rejects = await sql`
    select source_id, source_offset, value, code from ${scenario.table("routes_rejects")}`;
  const moves = await sql`
    select source, before, after from ${scenario.table("faults_moves")} order by id`;
  return {
    acked: scenario.feed.acked,
    log: known.log ?? await readLog(scenario),
    sources: sources.map((row) => ({
      id: row.id,
      partition: row.partition,
      start: Number(row.start_offset),
      next: Number(row.next_offset),
      stored: Number(row.stored),
      rejected: Number(row.rejected),
      tombstones: Number(row.tombstones),
    })),
    rows,
    rejects: rejects.map((row) => ({
      source: row.source_id,
      offset: Number(row.source_offset),
      code: row.code,
      hash: hash(row.value),
    })),
    moves: moves.map((row) => ({
      source: row.source,
      from: Number(row.before),
      to: Number(row.after),
    })),
    committed,
    outputs: scenario.processes.flatMap(({ out, err }) => [out, err]),
    secrets: [SECRET],
    ...known,
  };
}
