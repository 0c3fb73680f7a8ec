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
  const last = known.at(-1)?.version ?? 0;
  for (const { version, name, checksum } of applied) {
    const migration = known.find((migration) => migration.version === version);
    if (version > last) {
      throw new OperationalError(
        "settings",
        `the database is newer than this program: it has migration ${label(version, name)}`,
        {
          hint: "install the newest routes",
        },
      );
    }
    if (!migration) {
      throw new OperationalError(
        "settings",
        `the database has migration ${label(version, name)}, which this program does not know`,
        {
          reason: "another program may use the same schema",
          hint: "set [postgresql] schema to a schema that only routes uses",
        },
      );
    }
    if (migration.checksum !== checksum) {
      throw new OperationalError(
        "settings",
        `migration ${label(version, name)} was applied with different content`,
        {
          reason: `checksum in the database ${checksum.slice(0, 12)}, in this program ${
            migration.checksum.slice(0, 12)
          }`,
          hint: "run the version of routes that applied it, or set [postgresql] schema to another",
        },
      );
    }
  }
  const versions = new Set(applied.map(({ version }) => version));
  const pending = known.filter(({ version }) => !versions.has(version));
  const newest = Math.max(0, ...versions);
  const late = pending.find(({ version }) => version < newest);
  if (late) {
    throw new OperationalError(
      "settings",
      `migration ${
        label(late.version, late.name)
      } is missing in the database, but later migrations were applied`,
      {
        hint: "run the version of routes that applied them, or set [postgresql] schema to another",
      },
    );
  }
  return pending;
}

/** The name of a migration in messages: `0001 tables`. */
export function label(version: number, name: string): string {
  return `${String(version).padStart(4, "0")} ${name}`;
}
