import { connect as connectPlain, type Socket } from "node:net";
import { Duplex } from "node:stream";
import type { ConnectionOptions } from "node:tls";
import postgres, { type Sql } from "postgres";
import type { PostgresSettings } from "../settings/settings.ts";
import { addressesOf, type Server } from "../settings/postgres.ts";
import { countRoundTrips } from "../network/round_trips.ts";
import { tlsOptions } from "../network/sockets.ts";
import { BYTEA } from "./bytea.ts";
import { SessionEnds } from "./session_ends.ts";
import { guardLogin, type LoginMethod, type LoginRules } from "./login_guard.ts";
import { POOLED_PARAMETERS, PoolerWatch } from "./pooler.ts";
import { RowTap } from "./row_tap.ts";
import { saslprep } from "./saslprep.ts";
import { SESSION, UNPOOLED_PARAMETERS } from "./session_parameters.ts";
import { ServerChoice, type ServerState } from "./servers.ts";

/** Options of a client that are not settings. */
export interface PostgresOptions {
  /** Reads certificate files. */
  readFile: (path: string) => Uint8Array;
  /** Receives server notices and every statement; null: logs nothing. */
  log: ((line: string) => void) | null;
  /** Overrides the database of the settings. */
  database?: string;
  /** Makes the server refuse every write. */
  readOnly?: boolean;
  /** Maximum number of connections; default: pool_max of the settings. */
  max?: number;
}

/** A postgres.js client whose connections can be closed by force; connects on first use. */
export interface Client {
  sql: Sql;
  /** Takes the rows of all its connections: of use with one. */
  tap: RowTap;
  /** Closes every connection at once: pending statements fail with a connection error. */
  cut(): void;
  /** Closes them when the work outlasts the server's statement timeout: the server is then unreachable. */
  bounded<T>(work: Promise<T>): Promise<T>;
  /** Whether a connection pooler is in between; known once it has connected. */
  isPooled(): boolean;
  /** Statements have shown that there is one. */
  throughPooler(): void;
  /** Why the server ended the session, when the error only says that it is gone; else the error. */
  causeOf(error: unknown): unknown;
}

const GRACE_MS = 5_000;

/** Opens a client. */
export function openPostgres(settings: PostgresSettings, options: PostgresOptions): Client {
  const sockets = new Set<Socket>();
  const ends = new SessionEnds();
  const tap = new RowTap();
  const pooler = new PoolerWatch(UNPOOLED_PARAMETERS, () => {
    const { connection } = sql.options;
    const kept = POOLED_PARAMETERS.map((name) => [name, connection[name]]);
    // postgres.js reads both for each connection and each statement.
    Object.assign(sql.options, { prepare: false, connection: Object.fromEntries(kept) });
    options.log?.("postgresql: a connection pooler is in between");
  });
  const sql: Sql = postgres(clientOptions(settings, options, { sockets, pooler, ends, tap }));
  const cut = () => sockets.forEach((socket) => socket.destroy());
  return {
    sql,
    tap,
    cut,
    isPooled: () => pooler.isPooled,
    throughPooler: () => pooler.see(),
    causeOf: (error) => ends.causeOf(error),
    bounded: async (work) => {
      const late = Promise.withResolvers<never>();
      const limitMs = settings.statementTimeoutMs + GRACE_MS;
      const timer = setTimeout(() => {
        cut();
        // postgres.js may wait on although the connection is gone.
        const error = new Error(`no answer in ${limitMs / 1000} s`);
        late.reject(Object.assign(error, { code: "CONNECTION_CLOSED" }));
      }, limitMs);
      work.catch(() => {});
      try {
        return await Promise.race([work, late.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Sets every option, so that postgres.js reads no PG* environment variable. */
function clientOptions(
  settings: PostgresSettings,
  { readFile, log, database, readOnly, max }: PostgresOptions,
  { sockets, pooler, ends, tap }: {
    sockets: Set<Socket>;
    pooler: PoolerWatch;
    ends: SessionEnds;
    tap: RowTap;
  },
) {
  const { servers: [first], user, password } = settings;
  // The servers of one address ask for the same login, so that the last choice is that of the next password.
  let method: LoginMethod = "none";
  const guard: LoginRules = {
    where: addressesOf(settings),
    mayUse: (method) => settings.requireAuth === null || settings.requireAuth.includes(method),
    chosen: (chosen) => method = chosen,
    refused: (message) => pooler.refused(message),
    started: (pid) => {
      pooler.started(pid);
      ends.started();
    },
    ended: (last) => ends.ended(last),
    passed: (messages) => tap.filter(messages),
  };
  // Filled again for each connection, so that renewed certificates are used.
  const ssl = settings.sslmode === "disable" ? null : { guard };
  const connectTo = (server: Server): Socket => {
    const socket = openSocket(server, sockets);
    if (!ssl) guardLogin(socket, guard);
    try {
      if (ssl) Object.assign(ssl, serverTls(settings, server.host, readFile));
    } catch (error) {
      abort(socket, error as Error);
    }
    return socket;
  };
  const choice = openChoice(settings, { readFile, database, readOnly });
  return {
    host: first.host,
    port: first.port,
    user,
    // With null, postgres.js would read PGPASSWORD.
    password: () => method === "scram-sha-256" ? saslprep(password ?? "") : password ?? "",
    database: database ?? settings.database,
    ssl: ssl ?? false,
    max: max ?? settings.poolMax,
    connect_timeout: settings.connectTimeoutMs / 1000,
    idle_timeout: 0,
    max_lifetime: null,
    backoff: false,
    prepare: true,
    fetch_types: false,
    types: { bytea: BYTEA },
    target_session_attrs: undefined as unknown as "read-write",
    onnotice: ({ severity, message }) => log?.(`postgresql ${severity}: ${message}`),
    ...(log &&
      { debug: (_id: number, query: string) => log(`sql: ${query.replace(/\s+/g, " ").trim()}`) }),
    connection: {
      application_name: settings.applicationName,
      ...SESSION,
      ...(readOnly && { default_transaction_read_only: true }),
      // As text, because postgres.js omits 0.
      statement_timeout: String(settings.statementTimeoutMs) as unknown as number,
    },
    // Not in the types of postgres.js: called for each connection.
    socket: choice ? () => connectToChosen(choice, connectTo) : () => connectTo(first),
  } as postgres.Options<Record<string, postgres.PostgresType>>;
}

/** The choice between several servers; null when there is only one, whatever its state. */
function openChoice(
  settings: PostgresSettings,
  { readFile, database, readOnly }: {
    readFile: PostgresOptions["readFile"];
    database: string | undefined;
    readOnly: boolean | undefined;
  },
): ServerChoice | null {
  const { servers, target } = settings;
  if (servers.length === 1 && (target ?? "any") === "any") return null;
  const ask = async (server: Server): Promise<ServerState> => {
    const one: PostgresSettings = { ...settings, servers: [server], target: null };
    const options = { readFile, log: null, max: 1, ...database !== undefined && { database } };
    const { sql, cut } = openPostgres(one, options);
    try {
      const [row] = await sql`
        select pg_is_in_recovery() as standby,
          current_setting('default_transaction_read_only') = 'on' as reads`;
      return { isStandby: row!.standby, isReadOnly: row!.reads };
    } finally {
      await sql.end({ timeout: 1 });
      cut();
    }
  };
  const wanted = target ?? (readOnly ? "any" : "read-write");
  return new ServerChoice(settings, wanted, ask, Math.random);
}

async function connectToChosen(
  choice: ServerChoice,
  connectTo: (server: Server) => Socket,
): Promise<Socket> {
  try {
    const socket = connectTo(await choice.next());
    socket.on("close", () => choice.lost());
    return socket;
  } catch (error) {
    // A rejection here would leave the connection of postgres.js in a state that it never leaves, so it gets a socket
    // that takes its first message and then fails.
    const none = new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() });
    setTimeout(() => none.destroy(error as Error));
    return none as Socket;
  }
}

/** Opens a socket and keeps it in `sockets` while it is open. */
function openSocket(to: { host: string; port: number }, sockets: Set<Socket>): Socket {
  // Awaiting the connection would end the process when the server is down; the socket buffers writes until then.
  const socket = connectPlain({ ...to, noDelay: true, keepAlive: true });
  countRoundTrips(socket);
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  return Object.assign(socket, to);
}

/** Reports unreadable certificate files as a lost connection, which is retried: they may be being renewed. */
function abort(socket: Socket, { message }: Error): void {
  const error = Object.assign(new Error(message), { code: "ECONNABORTED" });
  // postgres.js adds its error listener after this call returns.
  setTimeout(() => socket.destroy(error));
}

/** What each sslmode verifies. */
const VERIFY = {
  disable: "nothing",
  require: "nothing",
  "verify-ca": "signature",
  "verify-full": "name",
} as const;

/** The node:tls options of one connection. */
export function serverTls(
  { sslmode, tls }: PostgresSettings,
  host: string,
  readFile: PostgresOptions["readFile"],
): ConnectionOptions {
  return tlsOptions(tls, { host, verify: VERIFY[sslmode], readFile });
}
