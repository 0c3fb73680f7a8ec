import type { PostgresSettings } from "../config.ts";
import { type FailureKind, Operation } from "../failure.ts";

/** What consuming does on an error: see the table in `routes help errors`. */
export type Act = "reject" | "wait" | "stop";

/** One line of the table that consuming runs on. */
export interface Rule {
  /** SQLSTATEs or their beginnings, or codes of the network; the first rule that fits counts. */
  codes: string[];
  act: Act;
  meaning: string;
}

const LOST = [
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENETUNREACH",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
];

/** Every error that PostgreSQL or the way to it can give. */
export const RULES: Rule[] = [
  { codes: LOST, act: "wait", meaning: "the connection is lost or refused" },
  { codes: ["08"], act: "wait", meaning: "the connection failed" },
  { codes: ["25006"], act: "wait", meaning: "the server is read-only, as after a failover" },
  { codes: ["40001", "40P01"], act: "wait", meaning: "the statement collided with another one" },
  { codes: ["53"], act: "wait", meaning: "the server is out of disk, memory or connections" },
  { codes: ["55P03"], act: "wait", meaning: "a lock was not to be had" },
  { codes: ["57"], act: "wait", meaning: "the server cancelled the statement or shuts down" },
  { codes: ["58"], act: "wait", meaning: "the server's system failed" },
  {
    codes: ["23505"],
    act: "stop",
    meaning: "a row of this offset is there already: the topic was made anew",
  },
  {
    codes: ["22", "23"],
    act: "reject",
    meaning: "the record itself is at fault: it becomes a reject",
  },
  { codes: ["28"], act: "stop", meaning: "the login is refused" },
  { codes: ["3D", "3F"], act: "stop", meaning: "the database or schema does not exist" },
  { codes: ["42"], act: "stop", meaning: "a table, column or right is missing" },
];

/** What to do about an error, and its code; what no rule knows stops. */
export function judgePostgres(error: unknown): { act: Act; state: string } {
  const state = codeOf(error);
  const rule = RULES.find(({ codes }) => codes.some((code) => state.startsWith(code)));
  return { act: state && rule ? rule.act : "stop", state };
}

/** The failure in words; an error that is not PostgreSQL's is returned as it is. */
export function explainPostgres(error: unknown, settings: PostgresSettings): Error {
  if (error instanceof Operation) return error;
  const code = codeOf(error);
  if (!code) return error instanceof Error ? error : new Error(String(error));
  const { host, port, user, database, schema } = settings;
  const where = `PostgreSQL at ${host}:${port}`;
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
