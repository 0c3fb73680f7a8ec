import type { SettingsReader, TlsFiles } from "./reader.ts";
import { canonical, didYouMean, KEYS, type Sources } from "./sources.ts";

/** Where PostgreSQL is and how to log in. */
export interface PostgresSettings {
  /** At least one; with several, the first that is as wanted is used. */
  servers: [Server, ...Server[]];
  /** Which of several servers is wanted; null: one that can do the work. */
  target: Target | null;
  /** Whether to try the servers in random order. */
  isBalanced: boolean;
  /** Where the host came from, as the end of a sentence. */
  origin: string;
  user: string;
  password: string | null;
  database: string;
  schema: string;
  sslmode: "disable" | "require" | "verify-ca" | "verify-full";
  /** The ways to log in that are allowed; null: all. */
  requireAuth: string[] | null;
  tls: TlsFiles;
  /** Null: `defaultdb` if it exists, else `postgres`. */
  maintenanceDb: string | null;
  applicationName: string;
  connectTimeoutMs: number;
  statementTimeoutMs: number;
  poolMax: number;
}

/** A server. */
export interface Server {
  /** A name or an address, without brackets. */
  host: string;
  port: number;
}

/** As libpq's target_session_attrs. */
export type Target = typeof TARGETS[number];

const TARGETS = [
  "any",
  "read-write",
  "read-only",
  "primary",
  "standby",
  "prefer-standby",
] as const;

/** `host:port`, with brackets around an IPv6 address. */
export function addressOf({ host, port }: Server): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The addresses of all servers, for messages. */
export function addressesOf({ servers }: Pick<PostgresSettings, "servers">): string {
  return servers.map(addressOf).join(", ");
}

/** Hosts whose connections stay on this machine. */
export const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i;
const URI =
  /^postgres(?:ql)?:\/\/(?:([^:@/?#]*)(?::([^@]*))?@)?((?:(?:\[[0-9a-f:.]+\]|[^:@/?#,]*)(?::\d+)?,?)*)(?:\/([^?#@]*))?(?:\?([^#@]*))?$/i;
const SSLMODES = ["disable", "require", "verify-ca", "verify-full"] as const;

/** Reads the PostgreSQL settings; mistakes go to `read.faults`. */
export function readPostgres(read: SettingsReader, exists: Sources["exists"]): PostgresSettings {
  readServiceUri(read);
  const servers = readServers(read);
  const binding = read.choice("postgresql.channel_binding", ["disable", "prefer", "require"]);
  if (binding === "require") {
    read.fault(
      "postgresql.channel_binding",
      "is require, which is not supported: use sslmode = verify-full",
    );
  }
  const defaultCa = `${read.folder}ssl/ca.pem`;
  const schema = read.text("postgresql.schema") ?? "public";
  if (schema.includes(".")) read.fault("postgresql.schema", `is "${schema}": a dot is not allowed`);
  return {
    servers,
    target: read.choice("postgresql.target_session_attrs", TARGETS),
    isBalanced: read.choice("postgresql.load_balance_hosts", ["disable", "random"]) === "random",
    origin: read.origin("postgresql.host", "postgresql.port"),
    user: read.text("postgresql.user") ?? "postgres",
    password: read.text("postgresql.password"),
    database: read.text("postgresql.dbname") ?? "routes",
    schema,
    sslmode: read.choice("postgresql.sslmode", SSLMODES) ??
      (servers.every(({ host }) => LOOPBACK.test(host)) ? "disable" : "verify-full"),
    requireAuth: readRequireAuth(read),
    tls: {
      ca: read.pem("postgresql.sslrootcert", "postgresql.ssl_ca_pem") ??
        (exists(defaultCa) ? defaultCa : null),
      cert: read.pem("postgresql.sslcert", "postgresql.ssl_cert_pem"),
      key: read.pem("postgresql.sslkey", "postgresql.ssl_key_pem"),
      passphrase: read.text("postgresql.sslpassword"),
    },
    maintenanceDb: read.text("postgresql.maintenance_db"),
    applicationName: read.text("postgresql.application_name") ?? "routes",
    // As in libpq a bare number is seconds; statement_timeout needs a unit, as the server would take milliseconds.
    connectTimeoutMs: read.duration("postgresql.connect_timeout", 10_000, { bareMs: 1_000 }),
    statementTimeoutMs: read.duration("postgresql.statement_timeout", 60_000),
    poolMax: read.integer("postgresql.pool_max", 4, 1, 100),
  };
}

const PORT = 5432;

/** As libpq: lists of hosts and ports; a single port is that of every host. */
function readServers(read: SettingsReader): [Server, ...Server[]] {
  const [name, portName] = ["postgresql.host", "postgresql.port"];
  const hosts = (read.text(name) ?? "127.0.0.1").split(",").map((host) => host.trim());
  for (const host of hosts) {
    if (host.startsWith("/")) {
      // Opening a socket file requires the permission to write files, which the program does not have.
      read.fault(name, `is "${host}": Unix sockets are not supported, use 127.0.0.1`);
    }
    // The rest of an address may be a password.
    if (/:\/\/|@/.test(host)) {
      read.fault(name, "is an address, not a host: put it into service_uri");
    }
    if (host === "") read.fault(name, "has an empty entry");
  }
  const ports = (read.text(portName) ?? String(PORT)).split(",").map((text) => text.trim());
  const wrong = ports.find((text) => !/^\d+$/.test(text) || +text < 1 || +text > 65_535);
  if (wrong !== undefined) {
    read.fault(portName, `is "${wrong}": expected a whole number from 1 to 65535`);
  } else if (ports.length > 1 && ports.length !== hosts.length) {
    read.fault(portName, `has ${ports.length} entries, host has ${hosts.length}`);
  }
  return hosts.map((host, i) => ({
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(ports[i] ?? ports[0]),
  })) as [Server, ...Server[]];
}

const LOGIN_METHODS = ["none", "password", "md5", "scram-sha-256"];
/** Methods that libpq knows and this program does not. */
const OTHER_METHODS = ["gss", "sspi", "oauth"];

/** As libpq: a list of methods, or with an exclamation mark before each, of those that are excluded. */
function readRequireAuth(read: SettingsReader): string[] | null {
  const name = "postgresql.require_auth";
  const text = read.text(name);
  if (text === null) return null;
  const given = text.split(",").map((method) => method.trim());
  const excluded = given.filter((method) => method.startsWith("!"))
    .map((method) => method.slice(1));
  const known = [...LOGIN_METHODS, ...OTHER_METHODS];
  const isKnown = (excluded.length > 0 ? excluded : given).every((method) =>
    known.includes(method)
  );
  if (!isKnown || (excluded.length > 0 && excluded.length < given.length)) {
    read.fault(
      name,
      `is "${text}": expected ${LOGIN_METHODS.join(", ")}, or each with an ! before it`,
    );
    return null;
  }
  return LOGIN_METHODS.filter((method) =>
    excluded.length > 0 ? !excluded.includes(method) : given.includes(method)
  );
}

/** Parses a service URI, without new URL(): its error message contains the URI and so the password. */
function readServiceUri(read: SettingsReader): void {
  const name = "postgresql.service_uri";
  const uri = read.values.get(name);
  if (!uri) return;
  const match = URI.exec(uri.text);
  if (!match) {
    const hint = /@.*@/.test(uri.text) ? ": write an @ within the password as %40" : "";
    return read.fault(name, `is not a postgres:// address${hint}`);
  }
  const [, user, password, places = "", dbname, query] = match;
  const servers = places.split(",").map((place) => /^(.*?)(?::(\d+))?$/.exec(place)!);
  const hasPort = servers.some(([, , port]) => port);
  const parts: Record<string, string | undefined> = {
    user,
    password,
    host: servers.map(([, host]) => host).join(","),
    port: hasPort ? servers.map(([, , port]) => port ?? PORT).join(",") : undefined,
    dbname,
  };
  for (const pair of (query ?? "").split("&").filter(Boolean)) {
    const [given = "", value = ""] = pair.split(/=(.*)/s);
    const key = canonical("postgresql", given);
    if (key) parts[key] = value;
    else {
      const hint = didYouMean(given, Object.keys(KEYS.postgresql));
      read.fault(name, `has the unknown parameter "${given}"${hint}`);
    }
  }
  for (const [key, part] of Object.entries(parts)) {
    if (!part || read.text(`postgresql.${key}`) !== null) continue;
    try {
      read.values.set(`postgresql.${key}`, { ...uri, text: decodeURIComponent(part) });
    } catch {
      read.fault(name, `has an invalid % in its ${key}: write it as %25`);
    }
  }
}
