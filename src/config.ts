import { Operation } from "./failure.ts";
import { type Entry, parseIni } from "./ini.ts";
import { nearest } from "./nearest.ts";
import { parseDuration } from "./time.ts";

/** Paths of the files that TLS needs, already resolved; the program reads them again on each connect. */
export interface TlsFiles {
  ca: string | null;
  cert: string | null;
  key: string | null;
  passphrase: string | null;
}

/** Where Kafka is and how to log in. */
export interface KafkaSettings {
  /** `host:port` each, at least one. */
  brokers: string[];
  /** Null: plain text. */
  tls: (TlsFiles & { checkHostname: boolean }) | null;
  sasl: {
    mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    username: string;
    password: string;
  } | null;
  topic: string;
  groupId: string;
  clientId: string;
  /** After so long without a sign of life the group gives a process's partitions to others. */
  sessionTimeoutMs: number;
}

/** Where PostgreSQL is and how to log in. */
export interface PostgresSettings {
  host: string;
  port: number;
  user: string;
  password: string | null;
  database: string;
  schema: string;
  sslmode: "disable" | "require" | "verify-ca" | "verify-full";
  tls: TlsFiles;
  /** Null: `defaultdb` if it exists, else `postgres`. */
  maintenanceDb: string | null;
  applicationName: string;
  connectTimeoutMs: number;
  statementTimeoutMs: number;
  poolMax: number;
}

/** Everything the settings file, the environment and `-X` say, checked. */
export interface Settings {
  kafka: KafkaSettings;
  postgresql: PostgresSettings;
  /** The file that was read, or null when defaults and environment served. */
  file: string | null;
  /** One line each, for stderr (e.g. sslmode=require does not verify). */
  warnings: string[];
}

/** Where the settings file is looked for, in this order. */
export const SETTINGS_FILES = [
  "host_settings.ini",
  "res/host_settings.ini",
  "src/host_settings.ini",
  "/etc/routes/host_settings.ini",
];

/** What the settings come from. */
export interface Sources {
  /** The settings file that was read, if any. */
  file: { path: string; text: string } | null;
  env: (name: string) => string | undefined;
  /** `section.key=value` each. */
  set: string[];
  exists: (path: string) => boolean;
}

/** Key of the settings, and other names it goes by. */
const KEYS: Record<"kafka" | "postgresql", Record<string, string[]>> = {
  kafka: {
    bootstrap_servers: ["service_uri", "brokers"],
    security_protocol: [],
    ssl_cafile: ["ca"],
    ssl_certfile: ["cert"],
    ssl_keyfile: ["key"],
    ssl_password: [],
    ssl_check_hostname: [],
    sasl_mechanism: [],
    sasl_plain_username: ["sasl_username"],
    sasl_plain_password: ["sasl_password"],
    topic: [],
    group_id: [],
    client_id: [],
    session_timeout: [],
  },
  postgresql: {
    service_uri: ["dsn"],
    host: [],
    port: [],
    user: [],
    password: [],
    dbname: ["database"],
    schema: [],
    sslmode: [],
    sslrootcert: [],
    sslcert: [],
    sslkey: [],
    sslpassword: [],
    maintenance_db: [],
    application_name: [],
    connect_timeout: [],
    statement_timeout: [],
    pool_max: [],
  },
};

const SECRETS = ["password", "ssl_password", "sslpassword", "sasl_plain_password", "service_uri"];
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\/.*)$/i;

/** Values by section and key, with where each was said. */
interface Value {
  text: string;
  where: string;
  /** Relative paths start at the folder of the file only when the file says them. */
  inFile: boolean;
}

/** Reads settings from every source; all faults are reported together, and none shows a secret. */
export function parseSettings(sources: Sources): Settings {
  const faults: string[] = [];
  const values = collect(sources, faults);
  const folder = sources.file ? sources.file.path.replace(/[^/\\]*$/, "") : "";
  const reader = new Reader(values, faults, folder);
  const kafka = readKafka(reader, sources);
  const postgresql = readPostgres(reader, sources);
  if (faults.length > 0) {
    throw new Operation(
      "settings",
      faults.length === 1 ? "a setting is wrong" : `${faults.length} settings are wrong`,
      {
        reason: faults,
        fix: "routes help settings",
      },
    );
  }
  const warnings = postgresql.sslmode === "require"
    ? ["sslmode=require encrypts, but does not check who answers: verify-full does"]
    : [];
  return { kafka, postgresql, file: sources.file?.path ?? null, warnings };
}

/** Everything in the settings that must never be shown. */
export function secretsOf({ kafka, postgresql }: Settings): string[] {
  return [
    kafka.sasl?.password,
    kafka.tls?.passphrase,
    postgresql.password,
    postgresql.tls.passphrase,
  ].filter((secret) => secret !== null && secret !== undefined && secret !== "") as string[];
}

function collect({ file, env, set }: Sources, faults: string[]): Map<string, Value> {
  const values = new Map<string, Value>();
  if (file) {
    const { sections, entries, faults: broken } = parseIni(file.text);
    const at = (line: number) => `${file.path} line ${line}`;
    for (const { line, message } of broken) faults.push(`${at(line)}: ${message}`);
    for (const { section, line } of sections) {
      if (!isSection(section)) faults.push(`${at(line)}: ${unknownSection(section)}`);
    }
    for (const entry of entries) {
      if (isSection(entry.section)) accept(values, entry, at(entry.line), faults);
    }
  }
  for (const [section, keys] of Object.entries(KEYS)) {
    for (const key of Object.keys(keys)) {
      const name = `ROUTES_${section}_${key}`.toUpperCase();
      const text = env(name);
      if (text) values.set(`${section}.${key}`, { text, where: name, inFile: false });
    }
  }
  for (const text of set) {
    const match = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(text);
    if (!match) {
      // What follows another delimiter may be a secret.
      faults.push(`-X ${text.split(/[=:\s]/)[0]}: expected SECTION.KEY=VALUE`);
      continue;
    }
    const [, section, key, value] = match as unknown as [string, string, string, string];
    const name = canonical(section.toLowerCase(), key.toLowerCase());
    if (name && SECRETS.includes(name)) {
      const instead = `ROUTES_${section}_${name}`.toUpperCase();
      faults.push(
        `-X ${section}.${key}: a secret would show in the list of processes; use the file or ${instead}`,
      );
      continue;
    }
    const entry = { section: section.toLowerCase(), key: key.toLowerCase(), value, line: 0 };
    values.delete(`${entry.section}.${name}`);
    accept(values, entry, `-X ${section}.${key}`, faults);
  }
  return values;
}

function accept(
  values: Map<string, Value>,
  { section, key, value }: Entry,
  where: string,
  faults: string[],
): void {
  if (!isSection(section)) return void faults.push(`${where}: ${unknownSection(section)}`);
  const keys = KEYS[section];
  const name = canonical(section, key);
  if (!name) {
    const known = Object.entries(keys).flatMap(([name, others]) => [name, ...others]);
    return void faults.push(`${where}: unknown key "${key}" in [${section}]${meant(key, known)}`);
  }
  if (value === "") return;
  const before = values.get(`${section}.${name}`);
  if (before && !where.startsWith("-X")) {
    return void faults.push(
      `${where}: "${key}" says again what ${before.where.replace(/^.* line/, "line")} says`,
    );
  }
  values.set(`${section}.${name}`, { text: value, where, inFile: !where.startsWith("-X") });
}

function isSection(word: string): word is keyof typeof KEYS {
  return Object.hasOwn(KEYS, word);
}

function unknownSection(word: string): string {
  return `unknown section [${word}]${meant(word, Object.keys(KEYS))}`;
}

function canonical(section: string, key: string): string | null {
  if (!isSection(section)) return null;
  const keys: Record<string, string[]> = KEYS[section];
  return Object.keys(keys).find((name) => name === key || keys[name]!.includes(key)) ?? null;
}

function meant(word: string, known: string[]): string {
  const name = nearest(word, known);
  return name ? `: did you mean "${name}"?` : "";
}

/** Takes values out, checked; what is wrong is noted, and a stand-in returned so that the rest is checked too. */
class Reader {
  constructor(
    readonly values: Map<string, Value>,
    readonly faults: string[],
    readonly folder: string,
  ) {}

  text(name: string): string | null {
    return this.values.get(name)?.text ?? null;
  }

  /** Notes a fault of `name`, in the place where that, or else `cause`, was said. */
  fault(name: string, message: string, cause = name): void {
    const where = (this.values.get(name) ?? this.values.get(cause))?.where;
    this.faults.push(`${where ? `${where}: ` : ""}${name.replace(/^.*\./, "")} ${message}`);
  }

  /** One of `known`, in any case of letters. */
  choice<T extends string>(name: string, known: readonly T[]): T | null {
    const text = this.text(name);
    if (text === null) return null;
    const found = known.find((word) => word.toLowerCase() === text.toLowerCase());
    if (!found) {
      this.fault(
        name,
        `is "${text}"${meant(text, [...known]) || `: expected one of ${known.join(", ")}`}`,
      );
    }
    return found ?? known[0]!;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === null) return fallback;
    if (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    this.fault(name, `is "${text}": expected a whole number from ${min} to ${max}`);
    return fallback;
  }

  /** A duration; a bare number means seconds, as in libpq. */
  duration(name: string, fallbackMs: number): number {
    const text = this.text(name);
    if (text === null) return fallbackMs;
    const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text);
    if (ms !== null && ms > 0) return ms;
    this.fault(name, `is "${text}": expected a duration such as 10s`);
    return fallbackMs;
  }

  boolean(name: string, fallback: boolean): boolean {
    const word = this.choice(name, ["true", "false", "yes", "no", "on", "off", "1", "0"] as const);
    return word === null ? fallback : ["true", "yes", "on", "1"].includes(word);
  }

  /** Relative paths in the settings file belong to its folder, others to the one the program runs in. */
  path(name: string): string | null {
    const value = this.values.get(name);
    if (!value) return null;
    return value.inFile ? this.resolve(value.text) : value.text;
  }

  resolve(path: string): string {
    return /^(\/|[A-Za-z]:[\\/])/.test(path) ? path : this.folder + path;
  }
}

const PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] as const;
const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

function readKafka(read: Reader, { exists }: Sources): KafkaSettings {
  const said = (key: string) => read.text(`kafka.${key}`) !== null;
  const files = ["ssl_cafile", "ssl_certfile", "ssl_keyfile"].some(said);
  const usesTls = files || said("ssl_password") || said("ssl_check_hostname");
  const found = read.faults.length;
  const protocol = read.choice("kafka.security_protocol", PROTOCOLS) ??
    (usesTls ? "SSL" : "PLAINTEXT");
  // What a stand-in contradicts is no fault.
  const understood = read.faults.length === found;
  const encrypted = protocol === "SSL" || protocol === "SASL_SSL";
  if (files && !encrypted && understood) {
    read.fault(
      "kafka.security_protocol",
      `is ${protocol}, but ssl_ files are given: expected SSL or SASL_SSL`,
    );
  }
  const file = (key: string, fallback: string) => {
    const usual = read.resolve(fallback);
    return read.path(`kafka.${key}`) ?? (protocol === "SSL" || exists(usual) ? usual : null);
  };
  const passwordless = { ca: null, cert: null, key: null, passphrase: null };
  const tls = encrypted
    ? {
      ...passwordless,
      ca: file("ssl_cafile", "ssl/ca.pem"),
      cert: file("ssl_certfile", "ssl/service.cert"),
      key: file("ssl_keyfile", "ssl/service.key"),
      passphrase: read.text("kafka.ssl_password"),
      checkHostname: read.boolean("kafka.ssl_check_hostname", true),
    }
    : null;
  return {
    brokers: readBrokers(read),
    tls,
    sasl: understood ? readSasl(read, protocol.startsWith("SASL")) : null,
    topic: read.text("kafka.topic") ?? "routes",
    groupId: read.text("kafka.group_id") ?? "routes",
    clientId: read.text("kafka.client_id") ?? "routes",
    sessionTimeoutMs: read.duration("kafka.session_timeout", 45_000),
  };
}

function readSasl(read: Reader, wanted: boolean): KafkaSettings["sasl"] {
  const mechanism = read.choice("kafka.sasl_mechanism", MECHANISMS);
  const username = read.text("kafka.sasl_plain_username");
  const password = read.text("kafka.sasl_plain_password");
  if (!wanted) {
    if (mechanism || username || password) {
      const name = mechanism
        ? "kafka.sasl_mechanism"
        : username
        ? "kafka.sasl_plain_username"
        : "kafka.sasl_plain_password";
      read.fault(name, "is given, but security_protocol is not SASL_SSL or SASL_PLAINTEXT");
    }
    return null;
  }
  for (const key of ["kafka.sasl_plain_username", "kafka.sasl_plain_password"]) {
    if (read.text(key)) continue;
    read.fault(key, "is missing, security_protocol asks for a login", "kafka.security_protocol");
  }
  const name = (mechanism ?? "PLAIN").toLowerCase() as "plain" | "scram-sha-256" | "scram-sha-512";
  return { mechanism: name, username: username ?? "", password: password ?? "" };
}

function readBrokers(read: Reader): string[] {
  const name = "kafka.bootstrap_servers";
  const brokers = (read.text(name) ?? "127.0.0.1:9092").split(",").map((broker) => broker.trim())
    .filter(Boolean);
  const addresses = brokers.map((broker) =>
    broker.replace(/^[a-z+]+:\/\//i, "").replace(/\/$/, "")
  );
  for (const address of addresses) {
    const port = Number(/^(?:\[[0-9a-f:.]+\]|[^:\s@/]+):(\d{1,5})$/i.exec(address)?.[1] ?? 0);
    if (port < 1 || port > 65_535) {
      read.fault(
        name,
        `has ${/@/.test(address) ? "an entry" : `"${address}"`} that is not host:port`,
      );
    }
  }
  if (addresses.length === 0) read.fault(name, "is empty: expected host:port");
  return addresses;
}

const SSLMODES = ["disable", "require", "verify-ca", "verify-full"] as const;

function readPostgres(read: Reader, { exists }: Sources): PostgresSettings {
  unpackUri(read);
  const host = read.text("postgresql.host") ?? "127.0.0.1";
  const usualCa = read.resolve("ssl/ca.pem");
  const schema = read.text("postgresql.schema") ?? "public";
  if (schema.includes(".")) read.fault("postgresql.schema", `is "${schema}": a dot is not allowed`);
  return {
    host,
    port: read.integer("postgresql.port", 5432, 1, 65_535),
    user: read.text("postgresql.user") ?? "postgres",
    password: read.text("postgresql.password"),
    database: read.text("postgresql.dbname") ?? "routes",
    schema,
    sslmode: read.choice("postgresql.sslmode", SSLMODES) ??
      (LOOPBACK.test(host) ? "disable" : "verify-full"),
    tls: {
      ca: read.path("postgresql.sslrootcert") ?? (exists(usualCa) ? usualCa : null),
      cert: read.path("postgresql.sslcert"),
      key: read.path("postgresql.sslkey"),
      passphrase: read.text("postgresql.sslpassword"),
    },
    maintenanceDb: read.text("postgresql.maintenance_db"),
    applicationName: read.text("postgresql.application_name") ?? "routes",
    connectTimeoutMs: read.duration("postgresql.connect_timeout", 10_000),
    statementTimeoutMs: read.duration("postgresql.statement_timeout", 60_000),
    poolMax: read.integer("postgresql.pool_max", 4, 1, 100),
  };
}

/** Takes a service URI apart, without new URL(), which puts the URI and its password into its message. */
function unpackUri(read: Reader): void {
  const name = "postgresql.service_uri";
  const uri = read.text(name);
  if (uri === null) return;
  const { where, inFile } = read.values.get(name)!;
  const match =
    /^postgres(?:ql)?:\/\/(?:([^:@/?#]*)(?::([^@]*))?@)?(\[[0-9a-f:.]+\]|[^:/?#,@]*)(?::(\d+))?(?:\/([^?#]*))?(?:\?([^#]*))?$/i
      .exec(uri);
  if (!match) {
    return read.fault(
      name,
      "is not a postgres:// address of one host, with %40 for @ in its password",
    );
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
    const [, key = "", value = ""] = /^([^=]*)=?(.*)$/s.exec(pair)!;
    const known = canonical("postgresql", key);
    if (known) parts[known] = value;
    else if (/^\w+$/.test(key)) {
      const hint = meant(key, Object.keys(KEYS.postgresql));
      read.fault(name, `has the unknown parameter "${key}"${hint}`);
    } else read.fault(name, "has a parameter that is not key=value");
  }
  for (const [key, part] of Object.entries(parts)) {
    if (!part || read.text(`postgresql.${key}`) !== null) continue;
    try {
      read.values.set(`postgresql.${key}`, { text: decodeURIComponent(part), where, inFile });
    } catch {
      read.fault(name, `has a % in its ${key} that begins no escape: write it as %25`);
    }
  }
}
