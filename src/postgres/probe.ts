import type { Sql } from "postgres";
import type { PostgresSettings } from "../settings/settings.ts";
import type { Server } from "../settings/postgres.ts";
import { OperationalError } from "../errors.ts";
import {
  converse,
  dial,
  resolveName,
  type TlsHandshake,
  tlsHandshake,
} from "../network/sockets.ts";
import { serverTls } from "./connect.ts";
import { checkColumns } from "./requirements.ts";

/** What a logged-in user can read about the server. */
export interface ServerInfo {
  user: string;
  database: string;
  version: string;
  encoding: string;
  readOnly: boolean;
  /** Milliseconds that the server's clock is ahead of the local clock. */
  aheadMs: number;
}

/** The rights that each command needs on each table. */
const NEEDS: Record<"consume" | "query", Record<string, string[]>> = {
  consume: {
    routes_table: ["insert"],
    routes_sources: ["select", "insert", "update"],
    routes_rejects: ["insert"],
    routes_losses: ["insert"],
  },
  query: { routes_table: ["select"], routes_sources: ["select"], routes_rejects: ["select"] },
};

const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);

/** Opens and closes a TCP connection; returns the address that the host name resolved to, null for an IP address. */
export async function reachServer({ host, port }: Server, ms: number): Promise<string | null> {
  const found = await resolveName(host);
  (await dial(host, port, ms)).destroy();
  return found;
}

/** Runs the TLS handshake that the client would run. */
export async function tlsHandshakeWithServer(
  settings: PostgresSettings,
  { host, port }: Server,
  readFile: (path: string) => Uint8Array,
): Promise<TlsHandshake> {
  const { connectTimeoutMs: ms } = settings;
  const options = serverTls(settings, host, readFile);
  const socket = await dial(host, port, ms);
  return await converse(socket, SSL_REQUEST, {
    ms,
    next: async ([answer]) => {
      if (answer === "S".charCodeAt(0)) return await tlsHandshake({ socket }, options, ms);
      socket.destroy();
      throw Object.assign(new Error("the server has TLS turned off"), { code: "NO_TLS" });
    },
  });
}

/** Logs in and reads the server's version, state and clock; `now` in milliseconds since 1970. */
export async function fetchServerInfo(sql: Sql, now: () => number): Promise<ServerInfo> {
  // The first statement also opens the connection: its time must not count in the clock difference.
  await sql`select 1`;
  const before = now();
  const [row] = await sql`
    select current_user as "user", current_database() as database,
      current_setting('server_version') as version, current_setting('server_encoding') as encoding,
      current_setting('transaction_read_only') = 'on' or pg_is_in_recovery() as "readOnly",
      (extract(epoch from clock_timestamp()) * 1000)::float8 as at`;
  const { at, ...info } = row!;
  return { ...info, aheadMs: Math.round(at - (before + now()) / 2) } as ServerInfo;
}

/** Throws when a table or a right on it is missing; returns a line that confirms the check. */
export async function checkTables(
  sql: Sql,
  { schema, database, user }: PostgresSettings,
  uses: readonly ("consume" | "query")[],
): Promise<string> {
  const wanted = uses.flatMap((use) =>
    Object.entries(NEEDS[use]).flatMap(([table, rights]) =>
      rights.map((right) => [table, right] as const)
    )
  );
  const missing: string[] = [];
  const lacking = new Map<string, string[]>();
  let isInside = true;
  for (const [table, right] of wanted) {
    const name = `"${schema.replaceAll('"', '""')}".${table}`;
    const [row] = await sql`
      select c.oid is not null as there, has_schema_privilege(n.oid, 'usage') as inside,
        has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, ${right}) as allowed
      from (values (1)) as one
      left join pg_namespace n on n.nspname = ${schema}
      left join pg_class c on c.relnamespace = n.oid and c.relname = ${table}`;
    isInside &&= row!.inside ?? true;
    if (!row!.there && !missing.includes(name)) missing.push(name);
    if (row!.there && !row!.allowed) {
      lacking.set(name, [...new Set([...lacking.get(name) ?? [], right])]);
    }
  }
  if (missing.length > 0) {
    const what = missing.length === 1 ? "1 table is" : `${missing.length} tables are`;
    throw new OperationalError("unavailable", `${what} missing in "${database}"`, {
      reason: missing.join(", "),
      hint: "routes migrate",
    });
  }
  if (lacking.size > 0) {
    throw new OperationalError("noPermission", `"${user}" lacks rights in database "${database}"`, {
      hint: [
        ...(isInside ? [] : [`grant usage on schema "${schema}" to "${user}"`]),
        ...[...lacking].map(([name, rights]) =>
          `grant ${rights.join(", ")} on ${name} to "${user}"`
        ),
      ],
    });
  }
  await checkColumns(sql, schema);
  return `PostgreSQL: tables and rights in schema "${schema}"`;
}

/** Throws when the user may not create tables in the schema, or may not create the schema. */
export async function checkCreate(
  sql: Sql,
  { schema, database, user }: PostgresSettings,
): Promise<string> {
  const [row] = await sql`
    select coalesce(
      (select has_schema_privilege(oid, 'create') from pg_namespace where nspname = ${schema}),
      has_database_privilege(current_database(), 'create')
    ) as allowed`;
  await checkColumns(sql, schema);
  if (row!.allowed) return `PostgreSQL: "${user}" may create tables in schema "${schema}"`;
  const text = `"${user}" may not create tables in schema "${schema}"`;
  throw new OperationalError("noPermission", text, {
    hint: `grant create on schema "${schema}" to "${user}", in database "${database}"`,
  });
}

/** Whether the user may read the migration history, which consume does not need. */
export async function mayReadHistory(sql: Sql, schema: string): Promise<boolean> {
  const [row] = await sql`
    select coalesce(bool_and(has_table_privilege(c.oid, 'select')), true) as allowed
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = ${schema} and c.relname = 'routes_migrations'`;
  return row!.allowed;
}
