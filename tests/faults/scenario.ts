import type { Admin, Kafka } from "kafkajs";
import type { Sql } from "postgres";
import { parseSettings } from "../../src/settings/settings.ts";
import { openKafka } from "../../src/kafka/connect.ts";
import { migrations } from "../../src/postgres/migrations/mod.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { script, withChecksums } from "../../src/postgres/migrate.ts";
import { uniqueName } from "../support/fixtures.ts";
import { type Cluster, sleep, TimedOut, until } from "./cluster.ts";
import { type Allowed, judge, type Observations } from "./checker.ts";
import { gatherObservations, logMoves, takeSnapshot } from "./observations.ts";
import { Feed } from "./feed.ts";
import { Process, startProcess } from "./process.ts";
import { createTopic } from "./topic.ts";

/** The password that every process is given. */
export const SECRET = "kept-from-everybody";
const HEAL_MS = 90_000;
const TAIL_CHARS = 1_500;
/** Who has no snapshot by then is not waited for. */
const SNAPSHOT_MS = 5_000;
/** The shortest that brokers take: what a killed process owned is idle for so long. */
export const SESSION_MS = 6_000;

/** What one fault happens to: a topic, the tables in a schema of their own, and processes of one group. */
export class Scenario {
  readonly name = uniqueName("scene");
  readonly cluster: Cluster;
  readonly kafka: Kafka;
  readonly admin: Admin;
  readonly sql: Sql;
  readonly feed: Feed;
  readonly processes: Process[] = [];
  /** The one that shall live from beginning to end, if any. */
  spared: Process | null = null;
  partitions: number;
  group = this.name;
  /** What the fault being tried may bring about. */
  allowed: Allowed = {};
  /** Set while somebody has put the group's offsets ahead of the table, or the table back. */
  mayLead = false;
  /** Settings of every process that is started from now on. */
  settings: Record<string, string> = {};
  /** Likewise their environment. */
  env: Record<string, string> = {};
  /** Snapshots of the tables taken on the way, and what was wrong with them. */
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
      set: [
        `kafka.bootstrap_servers=${cluster.kafka.bootstrap}`,
        `postgresql.port=${cluster.postgres.port}`,
        "postgresql.dbname=postgres",
        "postgresql.application_name=harness",
      ],
      exists: () => false,
    });
    const readFile = () => new Uint8Array();
    this.kafka = openKafka(kafka, { readFile, log: null, timeoutMs: 30_000 });
    this.admin = this.kafka.admin({ retry: { retries: 20, maxRetryTime: 1_000 } });
    this.#connect = (max) => openPostgres(postgresql, { readFile, log: null, max }).sql;
    this.sql = this.#connect(3);
    this.feed = new Feed(this.kafka, this.name, cluster.draw);
  }

  /** Makes topic and tables. */
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

  /** Those that still run. */
  get running(): Process[] {
    return this.processes.filter(({ running }) => running);
  }

  /** Tells every process to end, which it does as it should. */
  async stopAll(): Promise<void> {
    const processes = this.running;
    await Promise.all(processes.map((process) => process.stop()));
    for (const { status, err } of processes) {
      if (status!.code !== 0) throw new Error(`a process ended with ${status!.code}:\n${err}`);
    }
  }

  /** Those that may be ended. */
  get mortal(): Process[] {
    return this.running.filter((process) => process !== this.spared);
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

  /** Where each partition stands. */
  async positions(): Promise<Map<number, number>> {
    const rows = await this.sql`
      select partition, next_offset from ${this.table("routes_sources")} order by partition`;
    return new Map(rows.map(({ partition, next_offset }) => [partition, Number(next_offset)]));
  }

  async lostRaces(): Promise<number> {
    const [row] = await this.sql`select count(*)::int as lost from ${this.table("faults_lost")}`;
    return row!.lost;
  }

  /** Waits until so many more records are settled than now, so that what comes next comes in the middle; how long it took. */
  async progress(records = 200, limitMs = HEAL_MS): Promise<number> {
    const before = await this.settled();
    return await this.wait(
      `${records} records more than ${before}`,
      async () => await this.settled() >= before + records,
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
    await this.wait(`a group of ${processes}`, async () => {
      const { groups: [group] } = await this.admin.describeGroups([this.group]);
      return group!.state === "Stable" && group!.members.length === processes;
    }, HEAL_MS);
  }

  /** Waits until everything readable is settled; how long that took. */
  async caughtUp(limitMs = HEAL_MS): Promise<number> {
    return await this.wait("catching up", async () => await this.lag() === 0, limitMs);
  }

  /** Waits as long as nothing is wrong; where it takes too long, what the checker finds by then is the better answer. */
  async wait(
    what: string,
    holds: () => boolean | Promise<boolean>,
    limitMs: number,
  ): Promise<number> {
    try {
      return await until(what, async () => {
        this.demandLife();
        return await holds();
      }, limitMs);
    } catch (error) {
      if (!(error instanceof TimedOut)) throw error;
      await this.feed.stop();
      for (const process of this.running) process.kill("SIGKILL");
      await Promise.all(this.processes.map(({ ended }) => ended));
      await this.demandGood({}, { ...this.allowed, unfinished: true });
      const said = this.processes.map(({ pid, err }) => `${pid}: ${err.slice(-TAIL_CHARS)}`);
      throw new Error(`${error.message}\n${said.join("\n")}`, { cause: error });
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

  /** Who waits for something waits in vain when a process has ended by itself, or something is wrong already. */
  demandLife(): void {
    if (this.#wrong.size > 0) throw new Error([...this.#wrong].join("\n"));
    for (const { failed, status, err } of this.processes) {
      if (failed) throw new Error(`a process ended with ${status!.code}:\n${err}`);
    }
  }

  /** Throws what the checker finds; `known` takes the place of what can be gathered now. */
  async demandGood(
    known: Partial<Observations> = {},
    allowed = this.allowed,
  ): Promise<Observations> {
    const observations = await gatherObservations(this, known);
    const faults = [...judge(observations, allowed), ...this.#wrong];
    if (this.snapshots === 0) faults.push("I5 no snapshot was taken: nothing was tested");
    if (faults.length > 0) throw new Error(faults.join("\n"));
    return observations;
  }

  /** Stops every process and throws what the checker finds; else says in words what there was. */
  async check(known: Partial<Observations> = {}): Promise<string> {
    await this.feed.stop();
    this.demandLife();
    await this.stopAll();
    this.#closed = true;
    await this.#watching;
    const { rows, rejects, sources } = await this.demandGood(known);
    const tombstones = sources.reduce((sum, source) => sum + source.tombstones, 0);
    return `${rows.length} rows, ${rejects.length} rejects, ${tombstones} tombstones`;
  }

  /** Looks at both services once, and keeps what is wrong. */
  async snapshot(): Promise<void> {
    for (const fault of await takeSnapshot(this)) this.#wrong.add(fault);
    this.snapshots++;
  }

  /** Takes snapshots until the end. */
  async #watch(): Promise<void> {
    while (!this.#closed) {
      // A service that is away is the fault being tried.
      const began = performance.now();
      await Promise.race([this.snapshot().catch(() => {}), sleep(SNAPSHOT_MS)]);
      // The more there is to look at, the less often.
      await sleep(300 + 4 * (performance.now() - began));
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
