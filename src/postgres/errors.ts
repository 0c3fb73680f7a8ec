import type { PostgresSettings } from "../settings/settings.ts";
import { explainConnection } from "../network/explain.ts";
import { type ErrorKind, OperationalError } from "../errors.ts";
import { type Act, actOn, LOST } from "./sqlstates.ts";

/** What to do about an error, and its code. */
export function judgePostgres(error: unknown): { act: Act; state: string } {
  const state = codeOf(error);
  return { act: actOn(state), state };
}

/** The failure in words; an error that is not PostgreSQL's is returned as it is. */
export function explainPostgres(error: unknown, settings: PostgresSettings): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof OperationalError) return error;
  const { host, port, sslmode } = settings;
  const failure = explainConnection(error, {
    section: "postgresql",
    address: `${host}:${port}`,
    tls: sslmode === "disable" ? null : settings.tls,
  });
  if (failure) return failure;
  const code = codeOf(error);
  if (!code) return error;
  const { message } = error;
  const [kind, text, fix] = explainState(code, message, settings);
  const reason = LOST.includes(code) ? message : `the server answered ${code}: ${message}`;
  return new OperationalError(kind, text, { reason, hint: fix, cause: error });
}

type Known = [kind: ErrorKind, text: string, fix: string];

/** What the server answered, by its SQLSTATE. */
function explainState(code: string, message: string, settings: PostgresSettings): Known {
  const { host, port, user, database, schema } = settings;
  const where = `PostgreSQL at ${host}:${port}`;
  if (LOST.includes(code)) {
    return ["temporary", `the connection to ${where} is lost`, "run again to go on"];
  }
  if (code.startsWith("28")) return explainLogin(message, user, where);
  switch (code) {
    case "3D000":
      return [
        "unavailable",
        `database "${database}" does not exist on ${host}:${port}`,
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
        `"${user}" may not do this in database "${database}" on ${host}:${port}`,
        `grant ${user} the rights on schema "${schema}" and its tables`,
      ];
    case "23505":
      return [
        "data",
        "a record of the same topic, partition and offset is stored already",
        "see whether the topic was deleted and made anew",
      ];
  }
  const refused = `${where} refused the statement`;
  return actOn(code) === "wait"
    ? ["temporary", refused, "run again to go on"]
    : ["data", refused, "see what it means for consume: routes help errors"];
}

/** Why the server lets nobody in, which it tells by its words alone. */
function explainLogin(message: string, user: string, where: string): Known {
  const fail = (text: string, fix: string): Known => ["noPermission", text, fix];
  const refused = `login of "${user}" refused by ${where}`;
  if (/requires a valid client certificate/.test(message)) {
    return fail(
      `${where} asks "${user}" for a client certificate`,
      "set [postgresql] sslcert and sslkey",
    );
  }
  if (/certificate authentication/.test(message)) {
    return fail(
      `${refused}: the client certificate is another user's`,
      "correct [postgresql] user, or sslcert and sslkey",
    );
  }
  if (/no pg_hba.conf entry/.test(message)) {
    return fail(
      `${refused}: its rules have no place for it`,
      /no encryption/.test(message)
        ? "set [postgresql] sslmode = verify-full, or add a line to pg_hba.conf"
        : "correct [postgresql] user and dbname, or add a line to pg_hba.conf",
    );
  }
  return fail(refused, "correct [postgresql] user and password");
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return "";
  return LOST.includes(code) || /^[0-9A-Z]{5}$/.test(code) ? code : "";
}
