import { runMigrate } from "../commands/migrate.ts";
import { migrations } from "../migrations/mod.ts";
import { createDatabase, openHistory, script, withChecksums } from "../postgres/migrate.ts";
import { type Bench, type Done, explained, type Options } from "./bench.ts";
import { openKafkaFor } from "./kafka.ts";
import { openPostgresFor } from "./postgres.ts";

/** `routes migrate`: the tables, and what they stand on. */
export async function migrate(options: Options<"migrate">, bench: Bench): Promise<Done> {
  const { world, settings: { kafka: { topic }, postgresql } } = bench;
  const { sql, explain, close } = openPostgresFor(bench, { max: 1 });
  const history = openHistory(sql, postgresql.schema);
  const known = withChecksums(migrations);
  try {
    const { failure, ...summary } = await runMigrate(options, {
      ...history,
      known,
      database: postgresql.database,
      topicName: topic,
      createDatabase: () => createMissing(createDatabase, bench),
      createTopic: async (how) => {
        const { openLog, explain } = openKafkaFor(bench);
        const log = await openLog();
        return await explained(explain, log.createTopic(how)).finally(log.close);
      },
      script: (migration) => script(postgresql.schema, migration),
      out: (text) => bench.globals.json ? Promise.resolve() : world.stdout.write(text),
      now: world.now,
    });
    return { summary, failure, openEnded: false };
  } catch (error) {
    throw explain(error);
  } finally {
    await close();
  }
}

/** Creates the database through another one: the one that is set, or Aiven's, or PostgreSQL's own. */
async function createMissing(
  create: typeof createDatabase,
  bench: Bench,
): Promise<"created" | "exists"> {
  const { maintenanceDb, database } = bench.settings.postgresql;
  const candidates = maintenanceDb ? [maintenanceDb] : ["defaultdb", "postgres"];
  for (const candidate of candidates) {
    const { sql, explain, close } = openPostgresFor(bench, { max: 1, database: candidate });
    try {
      return await create(sql, database);
    } catch (error) {
      const missing = (error as { code?: string }).code === "3D000";
      if (!missing || candidate === candidates.at(-1)) throw explain(error);
    } finally {
      await close();
    }
  }
  throw new Error("Cannot create the database: no candidate");
}
