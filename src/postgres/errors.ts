import type { PostgresSettings } from "../settings/settings.ts";
import { addressesOf } from "../settings/postgres.ts";
import { explainConnection } from "../network/explain.ts";
import { type ErrorKind, isThrownIn, OperationalError } from "../errors.ts";
import { explainConstraint, isColumnRequired } from "./constraints.ts";
import { NO_SERVER } from "./servers.ts";
import { explainLimit } from "./limits.ts";
import { POOLED_PARAMETERS, translateState } from "./pooler.ts";
import { explainDropped } from "./kept_rows.ts";
import { type Act, actOn, LOST } from "./sqlstates.ts";

/** How consume reacts to an error, and the error's code (empty when it has none). */
export function judgePostgres(error: unknown): { act: Act; state: string } {
  const state = codeOf(error);
  return { act: isColumnRequired(error) ? "stop" : actOn(state), state };
}

/** Turns a PostgreSQL error into a message for users; returns any other error unchanged. */
export function explainPostgres(error: unknown, settings: PostgresSettings): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof OperationalError) return error;
  const { sslmode } = settings;
  const address = addressesOf(settings);
  const failure = explainConnection(error, {
    section: "postgresql",
    address,
    origin: settings.origin,
    tls: sslmode === "disable" ? null : settings.tls,
  });
  if (failure) return failure;
  const code = codeOf(error);
  if (!code && isThrownIn("postgres", error)) {
    return new OperationalError(
      "unavailable",
      `PostgreSQL at ${address} sent no valid answer`,
      {
        reason: error.message,
        hint: "check [postgresql] host and port: another program may answer there",
        cause: error,
      },
    );
  }
  if (!code) return error;
  const violation = explainDropped(code, error, settings.schema) ??
    explainConstraint(error, settings.schema);
  if (violation) return violation;
  const { message } = error;
  const [kind, text, hint] = explainState(code, message, settings);
  const reason = LOST.includes(code) ? message : `the server answered ${code}: ${message}`;
  return new OperationalError(kind, text, { reason, hint, cause: error });
}

type Explanation = [kind: ErrorKind, text: string, hint: string];

/** Explains an error by its SQLSTATE or network code. */
function explainState(code: string, message: string, settings: PostgresSettings): Explanation {
  const { user, database, schema } = settings;
  const address = addressesOf(settings);
  const where = `PostgreSQL at ${address}`;
  if (code === NO_SERVER) {
    return [
      "unavailable",
      `none of the PostgreSQL servers can be used`,
      "correct [postgresql] host, port or target_session_attrs",
    ];
  }
  if (LOST.includes(code)) {
    return ["temporary", `the connection to ${where} is lost`, "run this again to continue"];
  }
  if (code.startsWith("28")) return explainLogin(message, user, where);
  if (/unsupported startup parameter/.test(message)) {
    return [
      "unavailable",
      `the connection pooler at ${address} refuses a parameter of this program`,
      `let it accept or ignore ${POOLED_PARAMETERS.join(" and ")}`,
    ];
  }
  switch (code) {
    case "3D000":
      return [
        "unavailable",
        `database "${database}" does not exist on ${address}`,
        "routes migrate --create-database",
      ];
    case "42P01":
    case "3F000":
    case "42703":
      return [
        "unavailable",
        `the tables in schema "${schema}" of database "${database}" are not ready`,
        "routes migrate",
      ];
    case "42501":
      return [
        "noPermission",
        `"${user}" lacks a right in database "${database}" on ${address}`,
        /row-level security/.test(message)
          ? `let the policies on the tables in schema "${schema}" allow "${user}" every row`
          : "routes check, which prints the SQL that grants it",
      ];
    // A record cannot cause it: every text of a reject is valid Unicode.
    case "22P05":
      return [
        "settings",
        `the encoding of database "${database}" lacks a character`,
        "routes check, which names the encoding and what to do",
      ];
    case "26000":
    case "42P05":
      return [
        "temporary",
        `a connection pooler at ${address} mixed up the statements of its clients`,
        "run this again to continue",
      ];
    case "55000":
      if (!/not currently accepting connections/.test(message)) break;
      return [
        "unavailable",
        `database "${database}" on ${address} accepts no connections`,
        `alter database "${database}" allow_connections true`,
      ];
    case "23505":
      return [
        "data",
        "a row with the same topic, partition and offset already exists",
        "check whether the topic was deleted and recreated",
      ];
    case "25006":
      return [
        "temporary",
        `${where} is read-only: it is a standby, or default_transaction_read_only is on`,
        "list the primary too: [postgresql] host = db1,db2; or make the server accept writes",
      ];
  }
  const limit = explainLimit(code, message, { where, user, database });
  if (limit) return ["temporary", limit.text, limit.hint];
  const refused = `${where} refused the statement`;
  return actOn(code) === "wait"
    ? ["temporary", refused, "run this again to continue"]
    : ["data", refused, "routes help errors"];
}

/** Explains a refused login by the text of the error: SQLSTATE class 28 does not tell the reasons apart. */
function explainLogin(message: string, user: string, where: string): Explanation {
  const fail = (text: string, hint: string): Explanation => ["noPermission", text, hint];
  const refused = `login of "${user}" refused by ${where}`;
  if (/requires a valid client certificate/.test(message)) {
    return fail(
      `${where} requires a client certificate of "${user}"`,
      "set [postgresql] sslcert and sslkey",
    );
  }
  if (/certificate authentication/.test(message)) {
    return fail(
      `${refused}: the client certificate belongs to another user`,
      "correct [postgresql] user, or sslcert and sslkey",
    );
  }
  if (/no pg_hba.conf entry/.test(message)) {
    return fail(
      `${refused}: no entry in pg_hba.conf matches`,
      /no encryption/.test(message)
        ? "set [postgresql] sslmode = verify-full, or add a line to pg_hba.conf"
        : "correct [postgresql] user and dbname, or add a line to pg_hba.conf",
    );
  }
  return fail(refused, "correct [postgresql] user and password");
}

function codeOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code !== "string") return "";
  if (LOST.includes(code)) return code;
  return /^[0-9A-Z]{5}$/.test(code) ? translateState(code, String(message)) : "";
}
