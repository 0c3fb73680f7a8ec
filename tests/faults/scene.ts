import type { Admin, Kafka } from "kafkajs";
import type { Sql } from "postgres";
import { parseSettings } from "../../src/config.ts";
import { openKafka } from "../../src/kafka/connect.ts";
import { awaitLeaders } from "../../src/kafka/log.ts";
import { migrations } from "../../src/migrations/mod.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { script, withChecksums } from "../../src/postgres/migrate.ts";
import { uniqueName } from "../support/room.ts";
import { type Arena, sleep, until } from "./arena.ts";
import { type Allowed, type Evidence, hash, hashRow, judge, type Logged } from "./checker.ts";
import { Feed } from "./feed.ts";
import { Process, startProcess } from "./process.ts";

const SECRET = "kept-from-everybody";
const HEAL_MS = 90_000;
/** The shortest that brokers take: what a killed process owned is idle for so long. */
export const SESSION_MS = 6_000;

/** What one fault happens to: a topic, the tables in a schema of their own, and processes of one group. */
export class Scene {
  readonly name = uniqueName("scene");
  readonly arena: Arena;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly sql: Sql;
  readonly feed: Feed;
  readonly processes: Process[] = [];
  partitions: number;
  group = this.name;
  /** Settings of every process that is started from now on. */
  settings: Record<string, string> = {};
  /** Snapshots of the tables taken on the way, and what was wrong with them. */
  snapshots = 0;
  readonly #connect: (max: number) => Sql;
  readonly #wrong = new Set<string>();
  #watching: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(arena: Arena, partitions: number) {
    this.arena = arena;
    this.partitions = partitions;
    const { kafka, postgresql } = parseSettings({
      file: null,
      env: () => undefined,
      set: [
        `kafka.bootstrap_servers=${arena.kafka.bootstrap}`,
        `postgresql.port=${arena.postgres.port}`,
        "postgresql.dbname=postgres",
        "postgresql.application_name=harness",
      ],
      exists: () => false,
    });
    const readFile = () => new Uint8Array();
    this.kafka = openKafka(kafka, { readFile, log: null, timeoutMs: 10_000 });
    this.admin = this.kafka.admin({ retry: { retries: 20, maxRetryTime: 1_000 } });
    this.#connect = (max) => openPostgres(postgresql, { readFile, log: null, max }).sql;
    this.sql = this.#connect(3);
    this.feed = new Feed(this.kafka, this.name, arena.draw);
  }

  /** Makes topic and tables. */
  static async open(
    arena: Arena,
    { partitions = 6, configs = {} }: { partitions?: number; configs?: Record<string, string> } =
      {},
  ): Promise<Scene> {
    const scene = new Scene(arena, partitions);
    await scene.admin.connect();
    await scene.createTopic(partitions, configs);
    await scene.createTables();
    scene.#watching = scene.#watch();
    return scene;
  }

  async createTopic(partitions: number, configs: Record<string, string> = {}): Promise<void> {
    await this.admin.createTopics({
      topics: [{
        topic: this.name,
        numPartitions: partitions,
        configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
      }],
      waitForLeaders: false,
    });
    await awaitLeaders(this.admin, this.name);
  }

  /** Makes the topic larger while it is in use. */
  async addPartitions(count: number): Promise<void> {
    await this.admin.createPartitions({ topicPartitions: [{ topic: this.name, count }] });
    this.partitions = count;
  }

  async createTables(): Promise<void> {
    const sql = this.#connect(1);
    for (const migration of withChecksums(migrations)) {
      await sql.unsafe(script(this.name, migration));
    }
    // Every move of a position is logged, also those that moved none: a lost compare-and-set.
    await sql.unsafe(`
      set search_path to ${this.name};
      alter table routes_table add column arrival bigserial;
      create table faults_moves (id bigserial, source int, before bigint, after bigint);
      create table faults_lost (at timestamptz default clock_timestamp());
      create function faults_move() returns trigger language plpgsql as $$ begin
        insert into ${this.name}.faults_moves (source, before, after)
        values (old.id, old.next_offset, new.next_offset);
        return null;
      end $$;
      create function faults_lose() returns trigger language plpgsql as $$ begin
        insert into ${this.name}.faults_lost select where not exists (select from moved);
        return null;
      end $$;
      create trigger faults_move after update on routes_sources for each row
        when (old.next_offset is distinct from new.next_offset) execute function faults_move();
      create trigger faults_lose after update on routes_sources
        referencing new table as moved for each statement execute function faults_lose()`);
    await sql.end();
  }

  /** Starts a process of the group. */
  async start(
    args: string[] = ["--follow"],
    { verb = "consume", set = {} }: { verb?: string; set?: Record<string, string> } = {},
  ): Promise<Process> {
    const { sandbox, root, flags, kafka, toKafka, toPostgres } = this.arena;
    const proxied = kafka.brokers.length === 1;
    const settings = {
      "kafka.bootstrap_servers": proxied ? `127.0.0.1:${toKafka.port}` : kafka.bootstrap,
      "kafka.topic": this.name,
      "kafka.group_id": this.group,
      "kafka.session_timeout": `${SESSION_MS}ms`,
      "postgresql.port": String(toPostgres.port),
      "postgresql.dbname": "postgres",
      "postgresql.schema": this.name,
      ...this.settings,
      ...set,
    };
    const process = await startProcess({
      sandbox,
      root,
      flags,
      args: [
        verb,
        "--no-progress",
        ...args,
        ...Object.entries(settings).flatMap(([key, value]) => ["-X", `${key}=${value}`]),
      ],
      env: { ROUTES_POSTGRESQL_PASSWORD: SECRET },
    });
    this.processes.push(process);
    return process;
  }

  /** Those that still run. */
  get running(): Process[] {
    return this.processes.filter(({ running }) => running);
  }

  /** Sends records of the usual kinds. */
  async send(count: number): Promise<void> {
    await this.feed.send(count, { partitions: this.partitions });
  }

  /** Ends every connection of the program. */
  async endBackends(): Promise<number> {
    const [row] = await this.sql`
      select count(pg_terminate_backend(pid))::int as ended from pg_stat_activity
      where application_name = 'routes'`;
    return row!.ended;
  }

  /** How many records have been settled so far. */
  async settled(): Promise<number> {
    const [row] = await this.sql`
      select coalesce(sum(stored + rejected + tombstones), 0)::int as settled
      from ${this.table("routes_sources")}`;
    return row!.settled;
  }

  async lostRaces(): Promise<number> {
    const [row] = await this.sql`select count(*)::int as lost from ${this.table("faults_lost")}`;
    return row!.lost;
  }

  /** Waits until so many more records are settled than now, so that what comes next comes in the middle of things. */
  async progress(records = 200, limitMs = HEAL_MS): Promise<void> {
    const before = await this.settled();
    await until(
      `${records} records more than ${before}`,
      async () => {
        this.#demandLife();
        return await this.settled() >= before + records;
      },
      limitMs,
    );
  }

  /** Whoever is in the group; a process that had to join again is another one. */
  async members(): Promise<string> {
    const { groups } = await this.admin.describeGroups([this.group]);
    return groups[0]!.members.map(({ memberId }) => memberId).sort().join();
  }

  /** Waits until so many processes share the topic. */
  async together(processes: number): Promise<void> {
    await until(`a group of ${processes}`, async () => {
      const { groups: [group] } = await this.admin.describeGroups([this.group]);
      return group!.state === "Stable" && group!.members.length === processes;
    }, HEAL_MS);
  }

  /** Waits until everything readable is settled; how long that took. */
  async caughtUp(limitMs = HEAL_MS): Promise<number> {
    return await until("catching up", async () => {
      this.#demandLife();
      return await this.lag() === 0;
    }, limitMs);
  }

  async lag(): Promise<number> {
    const next = new Map<number, number>();
    const rows = await this.sql`
      select partition, next_offset from ${
      this.table("routes_sources")
    } where topic = ${this.name}`;
    for (const { partition, next_offset } of rows) next.set(partition, Number(next_offset));
    let lag = 0;
    const offsets = await this.admin.fetchTopicOffsets(this.name);
    for (const { partition, high } of offsets) {
      lag += Math.max(+high - (next.get(partition) ?? 0), 0);
    }
    return lag;
  }

  /** Who waits for something waits in vain when a process has ended by itself. */
  #demandLife(): void {
    if (this.running.length > 0) return;
    for (const { status, err } of this.processes) {
      if (status && status.code !== 0 && !status.signal) {
        throw new Error(`a process ended with ${status.code}:\n${err}`);
      }
    }
  }

  /** Stops every process and throws what the checker finds; else says in words what there was. */
  async check(
    { summary, ...allowed }: Allowed & Pick<Evidence, "summary"> = {},
  ): Promise<string> {
    await this.feed.stop();
    await Promise.all(this.running.map((process) => process.stop()));
    this.#closed = true;
    await this.#watching;
    const evidence = await this.gather();
    if (summary) evidence.summary = summary;
    const faults = [...this.#wrong, ...judge(evidence, allowed)];
    if (this.snapshots === 0) faults.push("I5 no snapshot was taken: nothing was tested");
    if (faults.length > 0) throw new Error(faults.join("\n"));
    const { rows, rejects, sources } = evidence;
    const tombstones = sources.reduce((sum, source) => sum + source.tombstones, 0);
    return `${rows.length} rows, ${rejects.length} rejects, ${tombstones} tombstones`;
  }

  /** Everything there is to know, from the services themselves. */
  async gather(): Promise<Evidence> {
    const committed = new Map<number, number>();
    for (
      const { partitions } of await this.admin.fetchOffsets({
        groupId: this.group,
        topics: [this.name],
      })
    ) {
      for (const { partition, offset } of partitions) committed.set(partition, +offset);
    }
    const { sql } = this;
    const sources = await sql`
      select id, partition, start_offset, next_offset, stored, rejected, tombstones
      from ${this.table("routes_sources")} where topic = ${this.name}`;
    const rows = await sql`
      select source_id, source_offset, user_id, timestamp, latitude, longitude, arrival
      from ${this.table("routes_table")} where source_id is not null`;
    const rejects = await sql`
      select source_id, source_offset, value, code from ${this.table("routes_rejects")}`;
    const moves = await sql`select source, before, after from ${
      this.table("faults_moves")
    } order by id`;
    return {
      acked: this.feed.acked,
      log: await readLog(this),
      sources: sources.map((row) => ({
        id: row.id,
        partition: row.partition,
        start: Number(row.start_offset),
        next: Number(row.next_offset),
        stored: Number(row.stored),
        rejected: Number(row.rejected),
        tombstones: Number(row.tombstones),
      })),
      rows: rows.map((row) => ({
        source: row.source_id,
        offset: Number(row.source_offset),
        arrival: Number(row.arrival),
        hash: hashRow({
          userID: row.user_id,
          timestamp: row.timestamp,
          coordinates: [row.latitude, row.longitude],
        }),
      })),
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
      outputs: this.processes.flatMap(({ out, err }) => [out, err]),
      secrets: [SECRET],
    };
  }

  /** In any snapshot nothing lies above a position, and nothing is missing below it. */
  async #watch(): Promise<void> {
    while (!this.#closed) {
      try {
        const rows = await this.sql`
          select partition, stored::int, rejected::int, rows::int, rejects::int,
            greatest(highest_row, highest_reject) >= next_offset as above
          from ${this.table("routes_sources")} as source,
            lateral (select count(*) as rows, max(source_offset) as highest_row
              from ${this.table("routes_table")} where source_id = source.id) as row,
            lateral (select count(*) as rejects, max(source_offset) as highest_reject
              from ${this.table("routes_rejects")} where source_id = source.id) as reject`;
        this.snapshots++;
        for (const row of rows) {
          if (row.stored !== row.rows || row.rejected !== row.rejects || row.above) {
            this.#wrong.add(`I5 in a snapshot, partition ${row.partition}: ${JSON.stringify(row)}`);
          }
        }
      } catch {
        // PostgreSQL is away, which is the fault being tried.
      }
      await sleep(300);
    }
  }

  table(name: string) {
    return this.sql(`${this.name}.${name}`);
  }

  /** Ends all that runs, however it went. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const process of this.running) process.kill("SIGKILL");
    await Promise.all(this.processes.map(({ ended }) => ended));
    await this.#watching;
    await this.feed.close();
    await this.admin.deleteTopics({ topics: [this.name] }).catch(() => {});
    await this.admin.disconnect();
    await this.sql.unsafe(`drop schema if exists ${this.name} cascade`).catch(() => {});
    await this.sql.end({ timeout: 2 });
  }
}

/** Every committed record of the topic, read from its beginning. */
async function readLog({ kafka, admin, name }: Scene): Promise<Map<number, Logged[]>> {
  const log = new Map<number, Logged[]>();
  const left = new Map<number, number>();
  for (const { partition, low, high } of await admin.fetchTopicOffsets(name)) {
    log.set(partition, []);
    if (+high > +low) left.set(partition, +high);
  }
  if (left.size === 0) return log;
  const all = Promise.withResolvers<void>();
  const passed = (partition: number, last: string) => {
    if (Number(last) + 1 >= (left.get(partition) ?? Infinity)) left.delete(partition);
    if (left.size === 0) all.resolve();
  };
  const consumer = kafka.consumer({
    groupId: uniqueName("reader"),
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    passed(payload.partition, payload.lastOffset);
  });
  consumer.on(consumer.events.CRASH, ({ payload }) => all.reject(payload.error));
  await consumer.connect();
  await consumer.subscribe({ topic: name, fromBeginning: true });
  await consumer.run({
    eachBatch: ({ batch: { partition, messages } }) => {
      for (const { offset, value } of messages) {
        log.get(partition)!.push({ offset: Number(offset), value });
      }
      return Promise.resolve();
    },
  });
  await all.promise;
  await consumer.disconnect();
  return log;
}
