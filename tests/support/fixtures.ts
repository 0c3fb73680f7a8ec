import { type Admin, type Kafka } from "kafkajs";
import type { Sql } from "postgres";
import { parseSettings, type Settings } from "../../src/settings/settings.ts";
import { openKafka } from "../../src/kafka/connect.ts";
import { awaitLeaders } from "../../src/kafka/topic.ts";
import { migrations } from "../../src/postgres/migrations/mod.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { script, withChecksums } from "../../src/postgres/migrate.ts";

/** The settings for the test services: ROUTES_TEST_CONFIG names a file; without it, the usual ports. */
export function testSettings(overrides: string[] = []): Settings {
  const path = Deno.env.get("ROUTES_TEST_CONFIG");
  return parseSettings({
    file: path ? { path, text: Deno.readTextFileSync(path) } : null,
    env: () => undefined,
    envNames: [],
    set: overrides,
    exists: () => false,
    isWindows: false,
  });
}

/** A name that no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}_${crypto.randomUUID().slice(0, 8)}`;
}

/** A Kafka client for the tests themselves. */
export function connectKafka(settings: Settings = testSettings()): Kafka {
  return openKafka(settings.kafka, {
    readFile: () => new Uint8Array(),
    log: null,
    timeoutMs: 10_000,
  });
}

/** Creates a topic for one test, and deletes it afterwards. */
export async function withTopic<T>(
  { partitions, configs = {} }: { partitions: number; configs?: Record<string, string> },
  work: (fixture: { topic: string; kafka: Kafka; admin: Admin }) => Promise<T>,
): Promise<T> {
  const topic = uniqueName("topic");
  const kafka = connectKafka();
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{
      topic,
      numPartitions: partitions,
      configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }],
    waitForLeaders: false,
  });
  await awaitLeaders(admin, topic);
  try {
    return await work({ topic, kafka, admin });
  } finally {
    await admin.deleteTopics({ topics: [topic] }).catch(() => {});
    await admin.disconnect();
  }
}

/** Creates a schema for one test in the database `postgres`, with the tables if `migrated`. */
export async function withSchema<T>(
  work: (fixture: { schema: string; sql: Sql }) => Promise<T>,
  { migrated = true } = {},
): Promise<T> {
  const schema = uniqueName("schema");
  const { postgresql } = testSettings(["postgresql.dbname=postgres"]);
  const { sql } = openPostgres(postgresql, {
    readFile: () => new Uint8Array(),
    log: null,
    // A migration is a transaction of its own, which postgres.js allows on a single connection only.
    max: 1,
  });
  try {
    for (const migration of migrated ? withChecksums(migrations) : []) {
      await sql.unsafe(script(schema, migration));
    }
    return await work({ schema, sql });
  } finally {
    await sql.unsafe(`drop schema if exists "${schema}" cascade`);
    await sql.end();
  }
}
