import type { Checked } from "../../cli/parse.ts";
import type { CheckStep, Finding } from "./check.ts";
import type { PostgresSettings } from "../../settings/settings.ts";
import { OperationalError } from "../../errors.ts";
import { migrations } from "../../postgres/migrations/mod.ts";
import { plan } from "../../postgres/migration_plan.ts";
import { type Client, openPostgres } from "../../postgres/connect.ts";
import { explainPostgres } from "../../postgres/errors.ts";
import { openHistory, withChecksums } from "../../postgres/migrate.ts";
import {
  checkCreate,
  checkTables,
  fetchServerInfo,
  mayReadHistory,
  reachServer,
  type ServerInfo,
  tlsHandshakeWithServer,
} from "../../postgres/probe.ts";
import { formatMany } from "../../units.ts";
import {
  checkSteps,
  type Look,
  type Surroundings,
  tellFiles,
  tellReached,
  tellTls,
} from "./steps.ts";
import { filesOf } from "../open_postgres.ts";

/** A walk to PostgreSQL: what the hops behind left for those to come. */
interface Walk extends Surroundings {
  settings: PostgresSettings;
  where: string;
  command: Checked | null;
  sql: Client["sql"];
  greeting: ServerInfo | null;
}

const CLOCK_MAX_MS = 5_000;

/** The hops from the files to the clock, as far as `command` needs them. */
export function postgresSteps(
  settings: PostgresSettings,
  command: Checked | null,
  around: Surroundings,
): CheckStep[] {
  const { system, reporter, closing } = around;
  const { sql, cut } = openPostgres(settings, {
    readFile: system.readFile,
    log: reporter.log,
    max: 1,
  });
  closing.push(async () => {
    await sql.end({ timeout: 1 });
    cut();
  });
  const where = `PostgreSQL at ${settings.host}:${settings.port}`;
  const walk: Walk = { ...around, settings, where, command, sql, greeting: null };
  const hasTls = settings.sslmode !== "disable";
  const looks: Look<Walk>[] = [
    ["files", () => tellFiles("postgresql", filesOf(settings)!, walk), hasTls],
    ["port", async () => tellReached(where, await reachServer(settings)), true],
    ["tls", shake, hasTls],
    ["login", logIn, true],
    ["writable", lookWhetherWritable, command !== "query"],
    ["rights", () => checkCreate(sql, settings), command === "migrate"],
    ["tables", lookAtTables, command !== "migrate"],
    ["migrations", lookAtMigrations, true],
    ["clock", lookAtClock, true],
  ];
  const explain = (error: unknown) => explainPostgres(error, settings);
  return checkSteps(looks, { section: "postgresql", walk, explain });
}

async function shake({ settings, where, system }: Walk): Promise<Finding> {
  const shaken = await tlsHandshakeWithServer(settings, system.readFile);
  if (settings.sslmode === "require") {
    const warning = `${where}: ${shaken.protocol}, but who answers is not verified`;
    return { seen: where, warning };
  }
  const isNameChecked = settings.sslmode === "verify-full";
  return tellTls(where, shaken, { isNameChecked, now: system.now() });
}

async function logIn(walk: Walk): Promise<string> {
  walk.greeting = await fetchServerInfo(walk.sql, walk.system.now);
  const { version, user, database } = walk.greeting;
  return `PostgreSQL: ${version}, login of "${user}" to database "${database}"`;
}

function lookWhetherWritable({ where, greeting }: Walk): Promise<string> {
  if (!greeting!.readOnly) return Promise.resolve("PostgreSQL: takes writes");
  throw new OperationalError("unavailable", `${where} is read-only`, {
    reason: "it is a standby, or default_transaction_read_only is on",
    hint: "correct [postgresql] host and port to the primary",
  });
}

function lookAtTables({ sql, settings, command }: Walk): Promise<string> {
  const uses = command === null ? ["consume", "query"] as const : [
    command === "query" ? "query" : "consume",
  ] as const;
  return checkTables(sql, settings, uses);
}

async function lookAtMigrations({ sql, settings, command }: Walk): Promise<string> {
  const { schema, database } = settings;
  if (!(await mayReadHistory(sql, schema))) {
    return "PostgreSQL: migrations are not to be read by this user, nor needed";
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

function lookAtClock({ greeting }: Walk): Promise<Finding> {
  const { aheadMs } = greeting!;
  const seconds = (Math.abs(aheadMs) / 1000).toFixed(1);
  const apart = `${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} that of this machine`;
  const seen = `PostgreSQL: its clock is ${seconds === "0.0" ? "that of this machine" : apart}`;
  return Promise.resolve({ seen, ...(Math.abs(aheadMs) > CLOCK_MAX_MS && { warning: seen }) });
}
