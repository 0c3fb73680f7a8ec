import type { Checked } from "../../cli/parse.ts";
import type { CheckStep } from "./check.ts";
import type { Finding } from "../../network/certificates.ts";
import { addressesOf, addressOf, type Server } from "../../settings/postgres.ts";
import type { PostgresSettings } from "../../settings/settings.ts";
import { OperationalError } from "../../errors.ts";
import { migrations } from "../../postgres/migrations/mod.ts";
import { plan } from "../../postgres/migration_plan.ts";
import { type Client, openPostgres } from "../../postgres/connect.ts";
import { explainPostgres } from "../../postgres/errors.ts";
import { openHistory, withChecksums } from "../../postgres/migrate.ts";
import { checkCreate, checkTables, mayReadHistory } from "../../postgres/rights.ts";
import {
  fetchServerInfo,
  reachServer,
  type ServerInfo,
  tlsHandshakeWithServer,
} from "../../postgres/probe.ts";
import { requireEncoding } from "../../postgres/requirements.ts";
import { formatMany } from "../../units.ts";
import {
  type CheckContext,
  checkFiles,
  checkSteps,
  describeCertificate,
  describePort,
  type StepDefinition,
} from "./steps.ts";
import { filesOf } from "../open_postgres.ts";

/** State of the PostgreSQL checks: what earlier steps leave for later ones. */
interface PostgresProbeState extends CheckContext {
  settings: PostgresSettings;
  /** The first one that can be reached. */
  server: Server;
  where: string;
  command: Checked | null;
  sql: Client["sql"];
  serverInfo: ServerInfo | null;
}

const CLOCK_GAP_MAX_MS = 5_000;

/** The connection of all steps: a user may be allowed only one. It connects with the first query. */
export function openOneConnection(
  settings: PostgresSettings,
  { system: { readFile }, reporter: { log }, cleanups }: CheckContext,
): Client["sql"] {
  const { sql, cut } = openPostgres(settings, { readFile, log, max: 1 });
  cleanups.push(async () => {
    await sql.end({ timeout: 1 });
    cut();
  });
  return sql;
}

/** The steps from the files to the clock that `command` needs. */
export function postgresSteps(
  settings: PostgresSettings,
  sql: Client["sql"],
  command: Checked | null,
  context: CheckContext,
): CheckStep[] {
  const where = `PostgreSQL at ${addressesOf(settings)}`;
  const state: PostgresProbeState = {
    ...context,
    settings,
    server: settings.servers[0],
    where,
    command,
    sql,
    serverInfo: null,
  };
  const hasTls = settings.sslmode !== "disable";
  const definitions: StepDefinition<PostgresProbeState>[] = [
    [
      "files",
      "certificates and key for PostgreSQL",
      () => checkFiles("postgresql", filesOf(settings)!, state),
      hasTls,
    ],
    ["port", "port of PostgreSQL", reachServers, true],
    ["tls", "TLS of PostgreSQL", checkTls, hasTls],
    ["login", "login to PostgreSQL", logIn, true],
    ["writable", "whether PostgreSQL accepts writes", checkWritable, command !== "query"],
    [
      "rights",
      "permission to create tables",
      () => checkCreate(sql, settings),
      command === "migrate",
    ],
    ["tables", "tables", checkNeededTables, command !== "migrate"],
    ["migrations", "migrations", checkMigrations, true],
    ["clock", "clock", checkClock, true],
  ];
  const explain = (error: unknown) => explainPostgres(error, settings);
  return checkSteps(definitions, { section: "postgresql", state, explain });
}

/** One reachable server is enough: each other failure is a warning. */
async function reachServers(state: PostgresProbeState): Promise<Finding[]> {
  const { settings } = state;
  const tries = await Promise.allSettled(
    settings.servers.map((server) => reachServer(server, settings.connectTimeoutMs)),
  );
  const first = tries.findIndex(({ status }) => status === "fulfilled");
  if (first === -1) throw (tries[0] as PromiseRejectedResult).reason;
  state.server = settings.servers[first]!;
  return tries.map((tried, i) => {
    const server = settings.servers[i]!;
    const where = `PostgreSQL at ${addressOf(server)}`;
    if (tried.status === "fulfilled") return { seen: describePort(where, tried.value) };
    const one: PostgresSettings = { ...settings, servers: [server] };
    return { seen: where, warning: explainPostgres(tried.reason, one).message };
  });
}

async function checkTls({ settings, server, system }: PostgresProbeState): Promise<Finding> {
  const where = `PostgreSQL at ${addressOf(server)}`;
  const handshake = await tlsHandshakeWithServer(settings, server, system.readFile);
  if (settings.sslmode === "require") {
    const warning = `${where}: ${handshake.protocol}, but the server certificate is not verified`;
    return { seen: where, warning };
  }
  const isNameChecked = settings.sslmode === "verify-full";
  return describeCertificate(where, handshake, { isNameChecked, now: system.now() });
}

async function logIn(state: PostgresProbeState): Promise<string> {
  state.serverInfo = await fetchServerInfo(state.sql, state.system.now);
  const { version, user, database } = state.serverInfo;
  return `PostgreSQL: ${version}, logged in as "${user}" to database "${database}"`;
}

function checkWritable({ where, settings, serverInfo }: PostgresProbeState): Promise<string> {
  requireEncoding(serverInfo!.encoding, settings.database);
  if (!serverInfo!.readOnly) return Promise.resolve("PostgreSQL: accepts writes");
  throw new OperationalError("unavailable", `${where} is read-only`, {
    reason: "it is a standby, or default_transaction_read_only is on",
    hint: "set [postgresql] host and port to those of the primary",
  });
}

function checkNeededTables({ sql, settings, command }: PostgresProbeState): Promise<string> {
  const uses = command === null ? ["consume", "query"] as const : [
    command === "query" ? "query" : "consume",
  ] as const;
  return checkTables(sql, settings, uses);
}

async function checkMigrations({ sql, settings, command }: PostgresProbeState): Promise<string> {
  const { schema, database } = settings;
  if (!(await mayReadHistory(sql, schema))) {
    return "PostgreSQL: this user cannot read the migration history, and does not need to";
  }
  const applied = await openHistory(sql, schema).applied();
  const { length } = plan(withChecksums(migrations), applied);
  if (length === 0) return "PostgreSQL: migrations are up to date";
  const pending = formatMany(length, "migration");
  if (command === "migrate") return `PostgreSQL: ${pending} to apply`;
  throw new OperationalError("unavailable", `${pending} pending in "${database}"`, {
    hint: "routes migrate",
  });
}

function checkClock({ serverInfo }: PostgresProbeState): Promise<Finding> {
  const { aheadMs } = serverInfo!;
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  const apart = `${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} this machine`;
  const seen = `PostgreSQL: clock ${seconds === "0.0" ? "matches this machine" : apart}`;
  return Promise.resolve({ seen, ...(Math.abs(aheadMs) > CLOCK_GAP_MAX_MS && { warning: seen }) });
}
