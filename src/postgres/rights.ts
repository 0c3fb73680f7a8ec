import type { Sql } from "postgres";
import type { PostgresSettings } from "../settings/settings.ts";
import { OperationalError } from "../errors.ts";
import { once } from "./sql_text.ts";
import { quote } from "./quote.ts";
import { checkColumns } from "./requirements.ts";
import { formatMany } from "../units.ts";

/** The rights on tables that each kind of work needs. */
const NEEDS = {
  consume: {
    routes_table: ["insert"],
    routes_sources: ["select", "insert", "update"],
    routes_rejects: ["insert"],
    routes_losses: ["insert"],
  },
  /** Besides those of consume. */
  replay: {
    routes_table: ["select", "delete"],
    routes_sources: ["delete"],
    routes_rejects: ["select", "delete"],
    routes_losses: ["select", "delete"],
  },
  /** Besides those of consume: --skip-to and --accept-loss. */
  skip: { routes_losses: ["select"] },
  retry: {
    routes_table: ["select", "insert"],
    routes_sources: ["select", "update"],
    routes_rejects: ["select", "delete"],
  },
  query: { routes_table: ["select"], routes_sources: ["select"], routes_rejects: ["select"] },
  verify: {
    routes_table: ["select"],
    routes_sources: ["select"],
    routes_rejects: ["select"],
    routes_losses: ["select"],
  },
  status: { routes_migrations: ["select"] },
} satisfies Record<string, Record<string, string[]>>;

/** A kind of work on tables that exist. */
export type Use = keyof typeof NEEDS;

type Names = Pick<PostgresSettings, "schema" | "database" | "user">;

/** The tables that are missing, and the SQL that gives the user the rights that it lacks on the others. */
async function lacksOf(
  sql: Sql,
  { schema, user }: Names,
  uses: readonly Use[],
): Promise<{ missing: string[]; grants: string[] }> {
  const wanted = uses.flatMap((use) =>
    Object.entries(NEEDS[use]).flatMap(([table, rights]) =>
      rights.map((right) => [table, right] as const)
    )
  );
  const rows = await once(sql)`
    select wanted.name, right_name, c.oid is not null as there,
      has_schema_privilege(n.oid, 'usage') as inside,
      has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, right_name) as allowed
    from unnest(${`{${wanted.map(([table]) => table)}}`}::text[],
      ${`{${wanted.map(([, right]) => right)}}`}::text[]) with ordinality
      as wanted(name, right_name, at)
    left join pg_namespace n on n.nspname = ${schema}
    left join pg_class c on c.relnamespace = n.oid and c.relname = wanted.name
    order by at`;
  const missing = new Set<string>();
  const lacking = new Map<string, Set<string>>();
  let isInside = true;
  for (const { name: table, right_name: right, there, inside, allowed } of rows) {
    const name = `${quote(schema)}.${table}`;
    isInside &&= inside ?? true;
    if (!there) missing.add(name);
    else if (!allowed) lacking.set(name, (lacking.get(name) ?? new Set()).add(right));
  }
  const grants = [...lacking].map(([name, rights]) =>
    `grant ${[...rights].join(", ")} on ${name} to ${quote(user)}`
  );
  return {
    missing: [...missing],
    grants: isInside
      ? grants
      : [`grant usage on schema ${quote(schema)} to ${quote(user)}`, ...grants],
  };
}

/** Throws when a table or a right on it is missing; returns a line that confirms the check. */
export async function checkTables(
  sql: Sql,
  settings: Names,
  uses: readonly Use[],
): Promise<string> {
  const { schema, database, user } = settings;
  const { missing, grants } = await lacksOf(sql, settings, uses);
  if (missing.length > 0) {
    const what = `${formatMany(missing.length, "table")} ${missing.length === 1 ? "is" : "are"}`;
    throw new OperationalError("unavailable", `${what} missing in "${database}"`, {
      reason: missing.join(", "),
      hint: "routes migrate",
    });
  }
  if (grants.length > 0) {
    throw new OperationalError("noPermission", `"${user}" lacks rights in database "${database}"`, {
      hint: grants,
    });
  }
  await checkColumns(sql, schema);
  return `PostgreSQL: tables and rights in schema "${schema}"`;
}

/** Throws when the user may not create tables in the schema, or may not create the schema. */
export async function checkCreate(sql: Sql, settings: Names): Promise<string> {
  const { schema, user } = settings;
  const hint = await grantsFor(sql, settings, "migrate");
  await checkColumns(sql, schema);
  if (hint.length === 0) return `PostgreSQL: "${user}" may create tables in schema "${schema}"`;
  const text = `"${user}" may not create tables in schema "${schema}"`;
  throw new OperationalError("noPermission", text, { hint });
}

/** The SQL that gives the user the rights that it lacks for this work; empty if it lacks none that is known. */
export async function grantsFor(
  sql: Sql,
  settings: Names,
  work: readonly Use[] | "migrate",
): Promise<string[]> {
  if (work !== "migrate") return (await lacksOf(sql, settings, work)).grants;
  const { schema, database, user } = settings;
  const [found] = await sql`
    select has_schema_privilege(oid, 'usage') and has_schema_privilege(oid, 'create') as both
    from pg_namespace where nspname = ${schema}`;
  if (!found) {
    const [row] = await sql`
      select has_database_privilege(current_database(), 'create') as allowed`;
    return row!.allowed ? [] : [`grant create on database ${quote(database)} to ${quote(user)}`];
  }
  // Only the owner of a table may change it. A superuser's rights are too many to be given away.
  const tables = await sql`
    select relname as name, rolname as owner, rolsuper as is_super
    from pg_class join pg_roles on pg_roles.oid = relowner
      join pg_namespace n on n.oid = relnamespace
    where nspname = ${schema} and relkind in ('r', 'p')
      and relname in ('routes_table', 'routes_sources', 'routes_rejects', 'routes_losses',
        'routes_migrations')
      and not pg_has_role(relowner, 'usage')
    order by name`;
  const owners = new Set(tables.filter((one) => !one.is_super).map(({ owner }) => owner as string));
  return [
    ...found.both ? [] : [`grant usage, create on schema ${quote(schema)} to ${quote(user)}`],
    ...[...owners].map((owner) => `grant ${quote(owner)} to ${quote(user)}`),
    ...tables.filter((one) => one.is_super).map(({ name }) =>
      `alter table ${quote(schema)}.${name} owner to ${quote(user)}`
    ),
  ];
}

/** Whether the user may read the migration history, which consume does not need. */
export async function mayReadHistory(sql: Sql, schema: string): Promise<boolean> {
  const [row] = await once(sql)`
    select coalesce(bool_and(has_table_privilege(c.oid, 'select')), true) as allowed
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = 'routes_migrations'`;
  return row!.allowed;
}
