import type { MigrateOptions } from "../../cli/commands/migrate.ts";
import { OperationalError } from "../../errors.ts";
import { type Applied, label, type Migration, plan } from "../../postgres/migration_plan.ts";
import { formatMany } from "../../units.ts";

/** Dependencies of `routes migrate`. */
export interface MigrateDeps {
  known: Migration[];
  database: string;
  topicName: string;
  createDatabase(): Promise<"created" | "exists">;
  /** `partitions` of the result: those of the topic, also when it existed before. */
  createTopic(
    how: { partitions: number; replication: number | null },
  ): Promise<{ created: boolean; partitions: number }>;
  applied(): Promise<Applied[]>;
  lock(ms: number): Promise<void>;
  unlock(): Promise<void>;
  apply(migration: Migration): Promise<void>;
  checkDatabase(): Promise<void>;
  checkOriginal(): Promise<void>;
  /** The exact SQL of a migration. */
  script(migration: Migration): string;
  out(text: string): Promise<void>;
  now(): number;
}

/** What a run did. */
export interface Migrated {
  applied: string[];
  pending: string[];
  /** Set by --status when a migration is pending. */
  failure: OperationalError | null;
}

/** Prepares the database, and with --topic the topic; changes nothing that exists. */
export async function runMigrate(options: MigrateOptions, deps: MigrateDeps): Promise<Migrated> {
  const say = (line: string) => deps.out(`${line}\n`);
  if (options.status) return await status(deps, say);
  if (options.dryRun) return await dryRun(deps);
  if (options.createDatabase && await deps.createDatabase() === "created") {
    await say(`created database "${deps.database}"`);
  }
  await deps.checkDatabase();
  const applied: string[] = [];
  if (plan(deps.known, await deps.applied()).length > 0) {
    await deps.lock(options.lockTimeoutMs);
    try {
      // Another run may have applied some while this one waited for the lock.
      for (const migration of plan(deps.known, await deps.applied())) {
        if (migration.version === 1) await deps.checkOriginal();
        const startedAt = deps.now();
        await deps.apply(migration);
        const name = label(migration.version, migration.name);
        applied.push(name);
        await say(`applied ${name} (${deps.now() - startedAt} ms)`);
      }
    } finally {
      await deps.unlock().catch(() => {});
    }
  }
  if (applied.length === 0) await say(`database "${deps.database}": up to date`);
  if (options.topic) {
    const { partitions: wanted, replication } = options;
    const { created, partitions } = await deps.createTopic({ partitions: wanted, replication });
    const parts = formatMany(partitions, "partition");
    await say(
      created
        ? `created topic "${deps.topicName}" with ${parts}`
        : `topic "${deps.topicName}" already exists with ${parts}`,
    );
  }
  return { applied, pending: [], failure: null };
}

async function status(deps: MigrateDeps, say: (line: string) => Promise<void>): Promise<Migrated> {
  const history = await deps.applied();
  const pending = plan(deps.known, history).map(({ version, name }) => label(version, name));
  const applied = history.map(({ version, name }) => label(version, name));
  for (const name of applied) await say(`applied ${name}`);
  for (const name of pending) await say(`pending ${name}`);
  const failure = pending.length === 0 ? null : new OperationalError(
    "unavailable",
    `${formatMany(pending.length, "migration")} pending in database "${deps.database}"`,
    { hint: "routes migrate" },
  );
  return { applied, pending, failure };
}

async function dryRun(deps: MigrateDeps): Promise<Migrated> {
  const pending = plan(deps.known, await deps.applied());
  for (const migration of pending) await deps.out(deps.script(migration));
  const names = pending.map(({ version, name }) => label(version, name));
  return { applied: [], pending: names, failure: null };
}
