import { runMigrate } from "./migrate.ts";
import { migrations } from "../../postgres/migrations/mod.ts";
import { createDatabase, openHistory, script, withChecksums } from "../../postgres/migrate.ts";
import {
  type CommandContext,
  type CommandResult,
  type Options,
  withExplanation,
} from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";

/** `routes migrate`: prepares the tables, the database and the topic. */
export async function migrate(
  options: Options<"migrate">,
  context: CommandContext,
): Promise<CommandResult> {
  const { system, settings: { kafka: { topic }, postgresql } } = context;
  const { sql, watched, explain, close } = openPostgresFor(context, { max: 1 });
  const history = openHistory(sql, postgresql.schema);
  const known = withChecksums(migrations);
  try {
    const { failure, ...summary } = await runMigrate(options, {
      ...history,
      checkOriginal: () => watched(history.checkOriginal()),
      apply: (migration) => watched(history.apply(migration)),
      known,
      database: postgresql.database,
      topicName: topic,
      createDatabase: () => createMissing(createDatabase, context),
      createTopic: async (how) => {
        const { openLog, explain } = openKafkaFor(context);
        const log = await openLog();
        return await withExplanation(explain, log.createTopic(how)).finally(log.close);
      },
      script: (migration) => script(postgresql.schema, migration),
      out: (text) => context.globals.json ? Promise.resolve() : system.stdout.write(text),
      now: system.now,
    });
    return { summary, failure, openEnded: false };
  } catch (error) {
    throw explain(error);
  } finally {
    await close();
  }
}

/** Creates the database while connected to another: maintenance_db, else the default one of Aiven or PostgreSQL. */
async function createMissing(
  create: typeof createDatabase,
  context: CommandContext,
): Promise<"created" | "exists"> {
  const { maintenanceDb, database } = context.settings.postgresql;
  const candidates = maintenanceDb ? [maintenanceDb] : ["defaultdb", "postgres"];
  for (const candidate of candidates) {
    const { sql, explain, close } = openPostgresFor(context, { max: 1, database: candidate });
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
