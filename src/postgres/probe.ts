import type { Sql } from "postgres";
import type { PostgresSettings } from "../settings/settings.ts";
import type { Server } from "../settings/postgres.ts";
import {
  converse,
  dial,
  resolveName,
  type TlsHandshake,
  tlsHandshake,
} from "../network/sockets.ts";
import { serverTls } from "./connect.ts";

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
      round((extract(epoch from clock_timestamp()) * 1000)::numeric) as at`;
  const { at, ...info } = row!;
  return { ...info, aheadMs: Math.round(Number(at) - (before + now()) / 2) } as ServerInfo;
}
