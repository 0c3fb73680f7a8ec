import type { MigrateOptions } from "../../cli/commands/migrate.ts";
import { OperationalError } from "../../errors.ts";
import { runMigrate } from "./migrate.ts";
import type { Topic } from "../../kafka/topic.ts";
import { migrations } from "../../postgres/migrations/mod.ts";
import { createDatabase, openHistory, script, withChecksums } from "../../postgres/migrate.ts";
import { openPlaceIndex } from "../../postgres/place_index.ts";
import {
  type CommandContext,
  type CommandResult,
  reportOutput,
  withExplanation,
} from "../context.ts";
import { openKafkaFor } from "../open_kafka.ts";
import { openPostgresFor } from "../open_postgres.ts";

/** `routes migrate`: prepares the tables, the database and the topic. */
export async function migrate(
  options: MigrateOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { system, settings: { kafka: { topic }, postgresql: { schema, database } } } = context;
  const { sql, isPooled, watched, bounded, explain, close } = openPostgresFor(context, { max: 1 });
  const history = openHistory(sql, schema, isPooled);
  const index = openPlaceIndex(sql, schema);
  // Its time limit and its lock belong to a session.
  const direct = async (work: () => Promise<void>) => {
    if (isPooled()) throw throughPooler();
    await watched(work());
  };
  const watchedIndex = {
    state: () => bounded(index.state()),
    create: () => direct(index.create),
    drop: () => direct(index.drop),
  };
  try {
    const { failure, ...summary } = await runMigrate(options, {
      known: withChecksums(migrations),
      database,
      topic,
      kafka: { createTopic: (how) => createTopic(how, context) },
      postgres: {
        ...history,
        applied: () => bounded(history.applied()),
        checkDatabase: () => bounded(history.checkDatabase()),
        checkOriginal: () => bounded(history.checkOriginal()),
        unlock: () => bounded(history.unlock()),
        apply: (migration) => watched(history.apply(migration)),
        placeIndex: watchedIndex,
        createDatabase: () => createMissing(context),
        script: (migration) => script(schema, migration),
      },
      system,
      stdout: reportOutput(context),
    });
    return { summary, failure, openEnded: false };
  } catch (error) {
    throw explain(error);
  } finally {
    await close();
  }
}

function throughPooler(): OperationalError {
  const text = "building or dropping an index needs a connection to PostgreSQL itself";
  return new OperationalError("unavailable", text, {
    reason: "a connection pooler is between this program and PostgreSQL",
    hint: "set [postgresql] host and port to those of the server, for this command",
  });
}

async function createTopic(how: Parameters<Topic["createTopic"]>[0], context: CommandContext) {
  const { openAdmin, explain } = openKafkaFor(context);
  const admin = await openAdmin();
  return await withExplanation(explain, admin.createTopic(how)).finally(admin.close);
}

/** Creates the database while connected to another: maintenance_db, else the default one of Aiven or PostgreSQL. */
async function createMissing(context: CommandContext): Promise<"created" | "exists"> {
  const { maintenanceDb, database } = context.settings.postgresql;
  const candidates = maintenanceDb ? [maintenanceDb] : ["defaultdb", "postgres"];
  for (const candidate of candidates) {
    const { sql, judge, explain, close } = openPostgresFor(context, {
      max: 1,
      database: candidate,
    });
    try {
      return await createDatabase(sql, database);
    } catch (error) {
      const missing = judge(error).state === "3D000";
      if (!missing || candidate === candidates.at(-1)) throw explain(error);
    } finally {
      await close();
    }
  }
  throw new Error("Cannot create the database: no candidate");
}
