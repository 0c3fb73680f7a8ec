import { type KafkaSettings, readKafka } from "./kafka.ts";
import { addressesOf, LOOPBACK, type PostgresSettings, readPostgres } from "./postgres.ts";
import { folderOf } from "./paths.ts";
import { systemFolder } from "./read_access.ts";
import { SettingsReader } from "./reader.ts";
import { collect, setsSecret, type Sources } from "./sources.ts";
import { OperationalError } from "../errors.ts";
import { formatMany } from "../units.ts";

export type { KafkaSettings, PostgresSettings };

/** The checked settings from the file, the environment and `-X`. */
export interface Settings {
  kafka: KafkaSettings;
  postgresql: PostgresSettings;
  /** Of the pages of `--http`. */
  http: {
    /** What a browser must know to see them; null: nothing. */
    token: string | null;
  };
  /** The database and schema, for people and to compare: `db.example:5432/routes schema public`. */
  destination: string;
  /** The file that was read, or null when there is none. */
  file: { path: string; holdsSecret: boolean } | null;
  /** Certificates and keys that are set as text, by the names that stand for their files. */
  pemTexts: Map<string, string>;
  /** One line each, for stderr (e.g. sslmode=require does not verify). */
  warnings: string[];
}

/** Where the settings file is looked for, in this order. */
export function settingsFiles(isWindows: boolean): string[] {
  const name = "host_settings.ini";
  const system = systemFolder(isWindows);
  return [name, `res/${name}`, `src/${name}`, `${system}${isWindows ? "\\" : "/"}${name}`];
}

/** Reads settings from every source; all faults are reported together, and none shows a secret. */
export function parseSettings(sources: Sources): Settings {
  const faults: string[] = [];
  const values = collect(sources, faults);
  const { isWindows } = sources;
  const folder = sources.file ? folderOf(sources.file.path, isWindows) : "";
  const reader = new SettingsReader(values, faults, folder, isWindows);
  const ungrouped = readKafka(reader, sources.exists);
  const postgresql = readPostgres(reader, sources.exists);
  const http = { token: readToken(reader) };
  const destination = destinationOf(postgresql);
  const groupId = reader.text("kafka.group_id") ?? defaultGroup(ungrouped.topic, destination);
  const kafka = { ...ungrouped, groupId };
  if (faults.length > 0) {
    throw new OperationalError(
      "settings",
      faults.length === 1
        ? "a setting is wrong"
        : `${formatMany(faults.length, "setting")} are wrong`,
      { reason: faults, hint: "routes help settings" },
    );
  }
  const warnings = [...reader.oddities(), ...warningsAbout(kafka, postgresql)];
  const file = sources.file && {
    path: sources.file.path,
    holdsSecret: setsSecret(sources.file.text),
  };
  return { kafka, postgresql, http, destination, file, pemTexts: reader.pemTexts, warnings };
}

/** A short token can be guessed, and one with a space or a control character is no value of a header. */
function readToken(reader: SettingsReader): string | null {
  const token = reader.text("http.token");
  if (token !== null && !/^[\x21-\x7e]{16,}$/.test(token)) {
    reader.fault(
      "http.token",
      "is too short, or not plain: expected at least 16 ASCII characters without spaces",
    );
  }
  return token;
}

function warningsAbout(
  { sasl, tls, brokers }: KafkaSettings,
  { sslmode, servers, password, requireAuth }: PostgresSettings,
): string[] {
  const isFar = (address: string) => !LOOPBACK.test(address.replace(/:\d+$/, ""));
  const isSafe = requireAuth?.every((method) => method === "scram-sha-256" || method === "none");
  return [
    ...sasl?.mechanism === "plain" && tls === null && brokers.some(isFar)
      ? ["SASL_PLAINTEXT with PLAIN sends the password of Kafka unencrypted: use SASL_SSL"]
      : [],
    ...sslmode === "require"
      ? ["sslmode=require encrypts, but does not verify the server certificate: use verify-full"]
      : [],
    ...sslmode === "disable" && password && servers.some(({ host }) => isFar(host)) && !isSafe
      ? [
        "sslmode=disable may send the password of PostgreSQL unencrypted: " +
        "use verify-full, or require_auth = scram-sha-256",
      ]
      : [],
  ];
}

function destinationOf(settings: PostgresSettings): string {
  const { database, schema } = settings;
  return `${addressesOf(settings).toLowerCase()}/${database} schema ${schema}`;
}

/** Processes that read the same topic into the same tables share a group, and no others do. */
function defaultGroup(topic: string, destination: string): string {
  // FNV-1a: node:crypto would take longer to load than everything else at the start.
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(destination)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return `routes-${topic}-${hash.toString(16).padStart(8, "0")}`;
}

/** The TLS files, which are read again for each connection. */
export function certificatesOf({ kafka, postgresql }: Settings): string[] {
  const used = [kafka.tls, postgresql.sslmode === "disable" ? null : postgresql.tls];
  return used.flatMap((files) => files ? [files.ca, files.cert, files.key] : [])
    .filter((path) => path !== null);
}

type Services = Pick<Settings, "kafka" | "postgresql" | "http" | "pemTexts">;

/** Default names of the program: as passwords they are no secret, and messages need them. */
const DEFAULT_NAMES = ["routes", "postgres", "public"];

/** Everything in the settings that must never be shown. */
export function secretsOf(services: Services): string[] {
  const { kafka, postgresql, http, pemTexts } = services;
  const keys = [kafka.tls?.key, postgresql.tls.key].map((name) => pemTexts.get(name ?? "") ?? "");
  const all = [
    ...keys.flatMap((text) => text.split(/\s+/).filter((line) => /^[\w+/=]{16,}$/.test(line))),
    kafka.sasl?.password,
    kafka.tls?.passphrase,
    postgresql.password,
    postgresql.tls.passphrase,
    http.token,
  ];
  return all.filter((secret) => secret !== undefined && secret !== null)
    .filter((secret) => secret !== "" && !DEFAULT_NAMES.includes(secret));
}
