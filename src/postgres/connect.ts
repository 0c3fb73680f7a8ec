import { connect as connectPlain, type Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import postgres, { type Sql } from "postgres";
import type { PostgresSettings } from "../settings/settings.ts";
import { tlsOptions } from "../network/sockets.ts";

/** What a client needs beside the settings. */
export interface PostgresOptions {
  /** For certificates. */
  readFile: (path: string) => Uint8Array;
  /** Notices of the server and, where wanted, statements; null: nowhere. */
  log: ((line: string) => void) | null;
  /** Another database than that of the settings. */
  database?: string;
  /** No statement can write. */
  readOnly?: boolean;
  /** Most connections at a time; the settings' pool_max when not given. */
  max?: number;
}

/** A postgres.js client for `settings`, with what it needs to be cut off; connects on first use. */
export interface Client {
  sql: Sql;
  /** Breaks every connection at once: what is under way fails as lost. */
  cut(): void;
  /** Breaks them when the work takes longer than the server lets a statement take: nobody is there any more. */
  bounded<T>(work: Promise<T>): Promise<T>;
}

const GRACE_MS = 5_000;

/** Opens a client; each option is given, so that no PG* variable of the environment has a say. */
export function openPostgres(settings: PostgresSettings, options: PostgresOptions): Client {
  const { host, port, user, password, database, statementTimeoutMs } = settings;
  const { log } = options;
  const sockets = new Set<Socket>();
  // Filled anew for each connection.
  const ssl = settings.sslmode === "disable" ? null : {};
  const sql = postgres({
    host,
    port,
    user,
    // With null in its place postgres.js would look for PGPASSWORD.
    password: password ?? "",
    database: options.database ?? database,
    ssl: ssl ?? false,
    max: options.max ?? settings.poolMax,
    connect_timeout: settings.connectTimeoutMs / 1000,
    idle_timeout: 0,
    max_lifetime: null,
    backoff: false,
    prepare: true,
    fetch_types: false,
    target_session_attrs: undefined as unknown as "read-write",
    onnotice: ({ severity, message }) => log?.(`postgresql ${severity}: ${message}`),
    ...(log &&
      { debug: (_id: number, query: string) => log(`sql: ${query.replace(/\s+/g, " ").trim()}`) }),
    connection: {
      application_name: settings.applicationName,
      statement_timeout: statementTimeoutMs,
      ...(options.readOnly && { default_transaction_read_only: true }),
    },
    // Not in its types: called for each connection with the lists of hosts and ports. Waiting here for the connection
    // would end the process when the server is away; what is written before is kept until it stands.
    socket: ({ host: [host], port: [port] }: { host: string[]; port: number[] }) => {
      const socket = connectPlain({ host: host!, port: port!, noDelay: true, keepAlive: true });
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      try {
        if (ssl) Object.assign(ssl, serverTls(settings, options.readFile));
      } catch (error) {
        abort(socket, error as Error);
      }
      return Object.assign(socket, { host, port });
    },
  } as postgres.Options<Record<string, postgres.PostgresType>>);
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    sql,
    cut,
    bounded: async (work) => {
      const timer = setTimeout(cut, statementTimeoutMs + GRACE_MS);
      try {
        return await work;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Ends a connection whose files cannot be read, as a lost one: they were there, and are being renewed perhaps. */
function abort(socket: Socket, { message }: Error): void {
  const error = Object.assign(new Error(message), { code: "ECONNABORTED" });
  // Nobody listens to it yet.
  setTimeout(() => socket.destroy(error));
}

/** What each sslmode looks at. */
const VERIFY = {
  disable: "nothing",
  require: "nothing",
  "verify-ca": "signature",
  "verify-full": "name",
} as const;

/** Options of node:tls for one connection. */
export function serverTls(
  { sslmode, host, tls }: PostgresSettings,
  readFile: PostgresOptions["readFile"],
): ConnectionOptions {
  return tlsOptions(tls, { host, verify: VERIFY[sslmode], readFile });
}
