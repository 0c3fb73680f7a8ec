import type { PostgresSettings } from "../config.ts";
import { type FailureKind, Operation } from "../failure.ts";
import { explainTls } from "../handshake.ts";
import { type Act, actOn, LOST } from "../rules.ts";

/** What to do about an error, and its code. */
export function judgePostgres(error: unknown): { act: Act; state: string } {
  const state = codeOf(error);
  return { act: actOn(state), state };
}

/** The failure in words; an error that is not PostgreSQL's is returned as it is. */
export function explainPostgres(error: unknown, settings: PostgresSettings): Error {
  if (error instanceof Operation) return error;
  const { host, port, user, database, schema, sslmode, tls: { ca, cert } } = settings;
  const where = `PostgreSQL at ${host}:${port}`;
  const tls = { section: "postgresql", where, ca, cert } as const;
  const handshake = sslmode !== "disable" && error instanceof Error && explainTls(error, tls);
  if (handshake) return handshake;
  const code = codeOf(error);
  if (!code) return error instanceof Error ? error : new Error(String(error));
  const message = (error as Error).message;
  const fail = (
    kind: FailureKind,
    text: string,
    fix?: string,
    reason = `the server answered ${code}: ${message}`,
  ) => new Operation(kind, text, { reason, fix, cause: error });
  if (code === "ECONNREFUSED") {
    return fail(
      "unavailable",
      `cannot reach ${where}: connection refused`,
      "start the server, or correct [postgresql] host and port",
      "nothing listens on that port, or a firewall refuses",
    );
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return fail(
      "unavailable",
      `cannot reach ${where}: the name is not known`,
      "correct [postgresql] host",
      message,
    );
  }
  if (code === "CONNECT_TIMEOUT" || code === "ETIMEDOUT") {
    return fail(
      "unavailable",
      `cannot reach ${where}: no answer in time`,
      "check host, port and firewall, or raise [postgresql] connect_timeout",
      message,
    );
  }
  if (LOST.includes(code)) {
    return fail("temporary", `the connection to ${where} is lost`, "run again to go on", message);
  }
  if (code === "28000" && /client certificate/.test(message)) {
    return fail(
      "noPermission",
      `${where} asks "${user}" for a client certificate`,
      "set [postgresql] sslcert and sslkey",
    );
  }
  if (code === "28000" && /certificate authentication/.test(message)) {
    return fail(
      "noPermission",
      `login of "${user}" refused by ${where}: the client certificate is another user's`,
      "correct [postgresql] user, or sslcert and sslkey",
    );
  }
  if (code === "28000" && /no pg_hba.conf entry|no encryption/.test(message)) {
    return fail(
      "noPermission",
      `login of "${user}" refused by ${where}: its rules have no place for it`,
      /no encryption/.test(message)
        ? "set [postgresql] sslmode = verify-full, or add a line to pg_hba.conf"
        : "correct [postgresql] user and dbname, or add a line to pg_hba.conf",
    );
  }
  if (code.startsWith("28")) {
    return fail(
      "noPermission",
      `login of "${user}" refused by ${where}`,
      "correct [postgresql] user and password",
    );
  }
  if (code === "3D000") {
    return fail(
      "unavailable",
      `database "${database}" does not exist on ${host}:${port}`,
      "routes migrate --create-database",
    );
  }
  if (code === "42P01" || code === "3F000" || code === "42703") {
    return fail(
      "unavailable",
      `the tables in schema "${schema}" of database "${database}" are not ready`,
      "routes migrate",
    );
  }
  if (code === "42501") {
    return fail(
      "noPermission",
      `"${user}" may not do this in database "${database}" on ${host}:${port}`,
      `grant ${user} the rights on schema "${schema}" and its tables`,
    );
  }
  if (code === "23505") {
    return fail(
      "data",
      "a record of the same topic, partition and offset is stored already",
      "see whether the topic was deleted and made anew",
    );
  }
  const { act } = judgePostgres(error);
  return fail(
    act === "wait" ? "temporary" : "data",
    `${where} refused the statement`,
    act === "wait" ? "run again to go on" : undefined,
  );
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return "";
  return LOST.includes(code) || /^[0-9A-Z]{5}$/.test(code) ? code : "";
}
