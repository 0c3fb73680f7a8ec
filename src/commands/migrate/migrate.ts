import type { MigrateOptions } from "../../cli/commands/migrate.ts";
import { OperationalError, shellWord } from "../../errors.ts";
import type { Topic } from "../../kafka/topic.ts";
import type { History } from "../../postgres/migrate.ts";
import { label, type Migration, plan } from "../../postgres/migration_plan.ts";
import type { openPlaceIndex } from "../../postgres/place_index.ts";
import type { Output, System } from "../../system.ts";
import { formatMany, formatMs } from "../../units.ts";

/** What `routes migrate` depends on. */
export interface MigrateDeps {
  known: Migration[];
  database: string;
  topic: string;
  kafka: Pick<Topic, "createTopic">;
  postgres: History & {
    createDatabase(): Promise<"created" | "exists">;
    /** Throws when the database cannot be used. */
    checkDatabase(): Promise<void>;
    placeIndex: Pick<ReturnType<typeof openPlaceIndex>, "state" | "create" | "drop">;
    /** The exact SQL of a migration. */
    script(migration: Migration): string;
  };
  system: Pick<System, "now" | "isWindows">;
  stdout: Pick<Output, "write">;
}

/** What a run did. */
interface Migrated {
  applied: string[];
  pending: string[];
  /** Set by --status when a migration is pending. */
  failure: OperationalError | null;
}

/** Prepares the database, and with --topic the topic; changes nothing that exists. */
export async function runMigrate(options: MigrateOptions, deps: MigrateDeps): Promise<Migrated> {
  if (options.status) return await showStatus(deps);
  if (options.dryRun) return await printScripts(deps);
  const { database, postgres, stdout } = deps;
  if (options.createDatabase && await postgres.createDatabase() === "created") {
    await stdout.write(`created database "${database}"\n`);
  }
  await postgres.checkDatabase();
  const applied = await applyPending(options.lockTimeoutMs, deps);
  if (applied.length === 0) await stdout.write(`database "${database}": up to date\n`);
  if (options.index || options.dropIndex) await changeIndex(options, deps);
  if (options.topic) await createTopic(options, deps);
  return { applied, pending: [], failure: null };
}

/** Applies the pending migrations under the lock; returns their labels. */
async function applyPending(lockTimeoutMs: number, deps: MigrateDeps): Promise<string[]> {
  const { known, postgres, system, stdout } = deps;
  const labels: string[] = [];
  if (plan(known, await postgres.applied()).length === 0) return labels;
  await postgres.lock(lockTimeoutMs);
  try {
    // Another run may have applied some while this one waited for the lock.
    for (const migration of plan(known, await postgres.applied())) {
      const kept = migration.version === 1 ? await postgres.checkOriginal() : 0;
      const startedAt = system.now();
      if (!await postgres.apply(migration)) continue;
      labels.push(labelOf(migration));
      await stdout.write(`applied ${labelOf(migration)} (${system.now() - startedAt} ms)\n`);
      if (kept > 0) {
        await stdout.write(
          `kept ${formatMany(kept, "row")} of the original program; to go on where it stopped: ` +
            "routes consume --from group:demo-group\n",
        );
      }
    }
  } finally {
    await postgres.unlock().catch(() => {});
  }
  return labels;
}

/** Builds or drops the index on places; two runs at once would wait for each other. */
async function changeIndex(
  { index, lockTimeoutMs }: MigrateOptions,
  { postgres, system, stdout }: MigrateDeps,
): Promise<void> {
  const { placeIndex } = postgres;
  await postgres.lock(lockTimeoutMs);
  try {
    const before = await placeIndex.state();
    if (before === (index ? "ready" : "absent")) {
      return await stdout.write(`index place: ${before} already\n`);
    }
    const startedAt = system.now();
    await (index ? placeIndex.create() : placeIndex.drop());
    const done = index ? "ready" : "dropped";
    await stdout.write(`index place: ${done} (${formatMs(system.now() - startedAt)})\n`);
  } finally {
    await postgres.unlock().catch(() => {});
  }
}

async function createTopic(
  { partitions: wanted, replication }: MigrateOptions,
  { topic, kafka, system: { isWindows }, stdout }: MigrateDeps,
): Promise<void> {
  const { created, partitions } = await kafka.createTopic({ partitions: wanted, replication });
  const count = formatMany(partitions, "partition");
  await stdout.write(
    created
      ? `created topic "${topic}" with ${count}\n`
      : `topic "${topic}" already exists with ${count}\n`,
  );
  if (!created && partitions < wanted) {
    await stdout.write(
      "to add partitions, which changes the partition of some users: " +
        `kafka-topics.${isWindows ? "bat" : "sh"} --alter --topic ` +
        `${shellWord(topic, isWindows)} --partitions ${wanted}\n`,
    );
  }
}

async function showStatus({ known, database, postgres, stdout }: MigrateDeps): Promise<Migrated> {
  const history = await postgres.applied();
  const pending = plan(known, history).map(labelOf);
  const applied = history.map(labelOf);
  for (const name of applied) await stdout.write(`applied ${name}\n`);
  for (const name of pending) await stdout.write(`pending ${name}\n`);
  const state = await postgres.placeIndex.state();
  const repair = state === "broken"
    ? ": its building was interrupted; routes migrate --index place"
    : "";
  if (state !== "absent") await stdout.write(`index place ${state}${repair}\n`);
  const failure = pending.length === 0 ? null : new OperationalError(
    "unavailable",
    `${formatMany(pending.length, "migration")} pending in database "${database}"`,
    { hint: "routes migrate" },
  );
  return { applied, pending, failure };
}

async function printScripts({ known, postgres, stdout }: MigrateDeps): Promise<Migrated> {
  const pending = plan(known, await postgres.applied());
  for (const migration of pending) await stdout.write(postgres.script(migration));
  return { applied: [], pending: pending.map(labelOf), failure: null };
}

function labelOf({ version, name }: Pick<Migration, "version" | "name">): string {
  return label(version, name);
}
