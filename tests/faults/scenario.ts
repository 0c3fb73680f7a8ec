import type { Admin, Kafka } from "kafkajs";
import type { Sql } from "postgres";
import { parseSettings } from "../../src/settings/settings.ts";
import { openKafka } from "../../src/kafka/connect.ts";
import { migrations } from "../../src/postgres/migrations/mod.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { script, withChecksums } from "../../src/postgres/migrate.ts";
import { uniqueName } from "../support/fixtures.ts";
import { type Cluster, sleep, TimedOut, until } from "./cluster.ts";
import { type Allowed, findFaults, type Observations } from "./checker.ts";
import { gatherObservations, logMoves, takeSnapshot } from "./observations.ts";
import { Feed } from "./feed.ts";
import { Process, startProcess } from "./process.ts";
import { createTopic } from "./topic.ts";

/** The password of every process. */
export const SECRET = "kept-from-everybody";
const RECOVERY_MS = 90_000;
const TAIL_CHARS = 1_500;
/** The longest time that a snapshot may take. */
const SNAPSHOT_MS = 5_000;
/** The shortest session timeout that brokers allow: for this long the partitions of a killed process are idle. */
export const SESSION_MS = 6_000;

/** The test bed of one fault: a topic, a schema with the tables, and the processes of one group. */
export class Scenario {
  readonly name = uniqueName("scenario");
  readonly cluster: Cluster;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly sql: Sql;
  readonly feed: Feed;
  readonly processes: Process[] = [];
  /** The process that is not killed, if any. */
  spared: Process | null = null;
  partitions: number;
  group = this.name;
  /** The exceptions that this fault needs. */
  allowed: Allowed = {};
  /** Whether committed offsets may be above the positions: the offsets were changed, or the database was restored. */
  offsetsMayLead = false;
  /** Settings of processes that are started from now on. */
  settings: Record<string, string> = {};
  /** The environment of those processes. */
  env: Record<string, string> = {};
  /** How many snapshots of the tables were taken. */
  snapshots = 0;
  readonly #connect: (max: number) => Sql;
  readonly #wrong = new Set<string>();
  #watching: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(cluster: Cluster, partitions: number) {
    this.cluster = cluster;
    this.partitions = partitions;
    const { kafka, postgresql } = parseSettings({
      file: null,
      env: () => undefined,
      envNames: [],
      set: [
        `kafka.bootstrap_servers=${cluster.kafka.bootstrap}`,
        `postgresql.port=${cluster.postgres.port}`,
        "postgresql.dbname=postgres",
        "postgresql.application_name=harness",
      ],
      exists: () => false,
      isWindows: false,
    });
    const readFile = () => new Uint8Array();
    this.kafka = openKafka(kafka, { readFile, log: null, timeoutMs: 30_000 });
    this.admin = this.kafka.admin({ retry: { retries: 20, maxRetryTime: 1_000 } });
    this.#connect = (max) => openPostgres(postgresql, { readFile, log: null, max }).sql;
    this.sql = this.#connect(3);
    this.feed = new Feed(this.kafka, this.name, cluster.draw);
  }

  /** Creates topic and tables. */
  static async open(
    cluster: Cluster,
    { partitions = 6, configs = {} }: { partitions?: number; configs?: Record<string, string> } =
      {},
  ): Promise<Scenario> {
    const scenario = new Scenario(cluster, partitions);
    await scenario.admin.connect();
    await scenario.createTopic(partitions, configs);
    await scenario.createTables();
    scenario.#watching = scenario.#watch();
    return scenario;
  }

  async createTopic(partitions: number, configs: Record<string, string> = {}): Promise<void> {
    await createTopic(this.kafka, this.name, partitions, configs);
  }

  /** Adds partitions to the topic, up to `count`. */
  async addPartitions(count: number): Promise<void> {
    await this.admin.createPartitions({ topicPartitions: [{ topic: this.name, count }] });
    this.partitions = count;
  }

  async createTables(): Promise<void> {
    const sql = this.#connect(1);
    for (const migration of withChecksums(migrations)) {
      await sql.unsafe(script(this.name, migration));
    }
    await sql.unsafe(logMoves(this.name));
    await sql.end();
  }

  /** Starts a process of the group. */
  async start(
    args: string[] = ["--follow"],
    { verb = "consume", set = {} }: { verb?: string; set?: Record<string, string> } = {},
  ): Promise<Process> {
    const { sandbox, root, flags, kafka, toKafka, toPostgres } = this.cluster;
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
      env: { ...this.env, ROUTES_POSTGRESQL_PASSWORD: SECRET },
    });
    this.processes.push(process);
    return process;
  }

  /** The processes that are running. */
  get running(): Process[] {
    return this.processes.filter(({ running }) => running);
  }

  /** Stops every process; throws if one fails. */
  async stopAll(): Promise<void> {
    const processes = this.running;
    await Promise.all(processes.map((process) => process.stop()));
    for (const { status, err } of processes) {
      if (status!.code !== 0) throw new Error(`a process ended with ${status!.code}:\n${err}`);
    }
  }

  /** The running processes that a fault may kill. */
  get killable(): Process[] {
    return this.running.filter((process) => process !== this.spared);
  }

  /** Sends a mix of valid records, invalid records and tombstones. */
  async send(count: number): Promise<void> {
    await this.feed.send(count, { partitions: this.partitions });
  }

  /** Terminates every database connection of the program; returns how many. */
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

  /** The position of each partition. */
  async positions(): Promise<Map<number, number>> {
    const rows = await this.sql`
      select partition, next_offset from ${this.table("routes_sources")} order by partition`;
    return new Map(rows.map(({ partition, next_offset }) => [partition, Number(next_offset)]));
  }

  async lostRaces(): Promise<number> {
    const [row] = await this.sql`select count(*)::int as lost from ${this.table("faults_lost")}`;
    return row!.lost;
  }

  /** Waits until `records` more records are settled, so that the next fault comes in the middle; returns how long that took. */
  async progress(records = 200, limitMs = RECOVERY_MS): Promise<number> {
    const before = await this.settled();
    return await this.wait(
      `${records} records more than ${before}`,
      async () => await this.settled() >= before + records,
      limitMs,
    );
  }

  /** The member ids of the group; a process that joins again gets a new id. */
  async members(): Promise<string> {
    const { groups } = await this.admin.describeGroups([this.group]);
    return groups[0]!.members.map(({ memberId }) => memberId).sort().join();
  }

  /** Waits until the group is stable with that many processes. */
  async waitForMembers(processes: number): Promise<void> {
    await this.wait(`a group of ${processes}`, async () => {
      const { groups: [group] } = await this.admin.describeGroups([this.group]);
      return group!.state === "Stable" && group!.members.length === processes;
    }, RECOVERY_MS);
  }

  /** Waits until everything readable is settled; returns how long that took. */
  async catchUp(limitMs = RECOVERY_MS): Promise<number> {
    return await this.wait("catching up", async () => await this.lag() === 0, limitMs);
  }

  /** Waits until the condition holds. Throws when a fault is found; after a timeout, what the checker finds says more. */
  async wait(
    what: string,
    holds: () => boolean | Promise<boolean>,
    limitMs: number,
  ): Promise<number> {
    try {
      return await until(what, async () => {
        this.assertHealthy();
        return await holds();
      }, limitMs);
    } catch (error) {
      if (!(error instanceof TimedOut)) throw error;
      await this.feed.stop();
      for (const process of this.running) process.kill("SIGKILL");
      await Promise.all(this.processes.map(({ ended }) => ended));
      await this.assertConsistent({}, { ...this.allowed, unfinished: true });
      const printed = this.processes.map(({ pid, err }) => `${pid}: ${err.slice(-TAIL_CHARS)}`);
      throw new Error(`${error.message}\n${printed.join("\n")}`, { cause: error });
    }
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

  /** Throws if a process has failed or a snapshot found a fault: waiting would be useless. */
  assertHealthy(): void {
    if (this.#wrong.size > 0) throw new Error([...this.#wrong].join("\n"));
    for (const { failed, status, err } of this.processes) {
      if (failed) throw new Error(`a process ended with ${status!.code}:\n${err}`);
    }
  }

  /** Throws what the checker finds; `known` replaces what would be read from the services. */
  async assertConsistent(
    known: Partial<Observations> = {},
    allowed = this.allowed,
  ): Promise<Observations> {
    const observations = await gatherObservations(this, known);
    const faults = [...findFaults(observations, allowed), ...this.#wrong];
    if (this.snapshots === 0) faults.push("I5 no snapshot was taken: nothing was tested");
    if (faults.length > 0) throw new Error(faults.join("\n"));
    return observations;
  }

  /** Stops every process and throws what the checker finds; otherwise returns a summary. */
  async check(known: Partial<Observations> = {}): Promise<string> {
    await this.feed.stop();
    this.assertHealthy();
    await this.stopAll();
    this.#closed = true;
    await this.#watching;
    const { rows, rejects, sources } = await this.assertConsistent(known);
    const tombstones = sources.reduce((sum, source) => sum + source.tombstones, 0);
    return `${rows.length} rows, ${rejects.length} rejects, ${tombstones} tombstones`;
  }

  /** Takes one snapshot and keeps what is wrong in it. */
  async snapshot(): Promise<void> {
    for (const fault of await takeSnapshot(this)) this.#wrong.add(fault);
    this.snapshots++;
  }

  /** Takes snapshots until the scenario is closed. */
  async #watch(): Promise<void> {
    while (!this.#closed) {
      // An unavailable service may be the fault that is tested.
      const began = performance.now();
      await Promise.race([this.snapshot().catch(() => {}), sleep(SNAPSHOT_MS)]);
      // The longer a snapshot takes, the rarer it is.
      await sleep(300 + 4 * (performance.now() - began));
    }
  }

  table(name: string) {
    return this.sql(`${this.name}.${name}`);
  }

  /** Kills every process and removes topic and tables. */
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
