import type { SettingsReader, TlsFiles } from "./reader.ts";
import { canonical, didYouMean, KEYS, type Sources } from "./sources.ts";

/** Where PostgreSQL is and how to log in. */
export interface PostgresSettings {
  host: string;
  port: number;
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

/** Hosts whose connections stay on this machine. */
export const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1)$/i;
const URI =
  /^postgres(?:ql)?:\/\/(?:([^:@/?#]*)(?::([^@]*))?@)?(\[[0-9a-f:.]+\]|[^:@/?#,]*)(?::(\d+))?(?:\/([^?#@]*))?(?:\?([^#@]*))?$/i;
const SSLMODES = ["disable", "require", "verify-ca", "verify-full"] as const;

/** Reads the PostgreSQL settings; mistakes go to `read.faults`. */
export function readPostgres(read: SettingsReader, exists: Sources["exists"]): PostgresSettings {
  readServiceUri(read);
  const host = read.text("postgresql.host") ?? "127.0.0.1";
  if (host.startsWith("/")) {
    // Opening a socket file requires the permission to write files, which the program does not have.
    read.fault("postgresql.host", `is "${host}": Unix sockets are not supported, use 127.0.0.1`);
  }
  // The rest of an address may be a password.
  if (/:\/\/|@/.test(host)) {
    read.fault("postgresql.host", "is an address, not a host: put it into service_uri");
  }
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
    host,
    port: read.integer("postgresql.port", 5432, 1, 65_535),
    origin: read.origin("postgresql.host"),
    user: read.text("postgresql.user") ?? "postgres",
    password: read.text("postgresql.password"),
    database: read.text("postgresql.dbname") ?? "routes",
    schema,
    sslmode: read.choice("postgresql.sslmode", SSLMODES) ??
      (LOOPBACK.test(host) ? "disable" : "verify-full"),
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
    return read.fault(name, `is not a postgres:// address of one host${hint}`);
  }
  const [, user, password, host, port, dbname, query] = match;
  const parts: Record<string, string | undefined> = {
    user,
    password,
    host: host?.replace(/^\[|\]$/g, ""),
    port,
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
