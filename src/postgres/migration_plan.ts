import { OperationalError } from "../errors.ts";

/** A migration that this program knows. */
export interface Migration {
  version: number;
  name: string;
  sql: string;
  checksum: string;
}

/** A migration that was applied to the database. */
export interface Applied {
  version: number;
  name: string;
  checksum: string;
}

/** The migrations to apply, in order; throws when the database's history does not match the known migrations. */
export function plan(known: Migration[], applied: Applied[]): Migration[] {
  for (const migration of applied) checkApplied(migration, known);
  const versions = new Set(applied.map(({ version }) => version));
  const pending = known.filter(({ version }) => !versions.has(version));
  const newest = Math.max(0, ...versions);
  const late = pending.find(({ version }) => version < newest);
  if (!late) return pending;
  const name = label(late.version, late.name);
  const text = `migration ${name} is missing in the database, but later migrations were applied`;
  throw new OperationalError("settings", text, {
    hint: "run the version of routes that applied them, or set [postgresql] schema to another",
  });
}

function checkApplied({ version, name, checksum }: Applied, known: Migration[]): void {
  const migration = known.find((migration) => migration.version === version);
  if (version > (known.at(-1)?.version ?? 0)) {
    const text = "the database is newer than this program: it has migration " +
      label(version, name);
    throw new OperationalError("settings", text, { hint: "install the newest routes" });
  }
  if (!migration) {
    const text = `the database has migration ${label(version, name)}, ` +
      "which this program does not know";
    throw new OperationalError("settings", text, {
      reason: "another program may use the same schema",
      hint: "set [postgresql] schema to a schema that only routes uses",
    });
  }
  if (migration.checksum === checksum) return;
  const text = `migration ${label(version, name)} was applied with different content`;
  const [theirs, ours] = [checksum.slice(0, 12), migration.checksum.slice(0, 12)];
  throw new OperationalError("settings", text, {
    reason: `checksum in the database ${theirs}, in this program ${ours}`,
    hint: "run the version of routes that applied it, or set [postgresql] schema to another",
  });
}

/** The name of a migration in messages: `0001 tables`. */
export function label(version: number, name: string): string {
  return `${String(version).padStart(4, "0")} ${name}`;
}
