import { NO_SERVER } from "./servers.ts";
/** How consume reacts to an error; `routes help errors` prints the table. */
export type Act = "reject" | "wait" | "stop";

/** One line of the table of reactions. */
export interface Rule {
  /** SQLSTATEs, SQLSTATE prefixes or network codes; the first matching rule applies. */
  codes: string[];
  act: Act;
  meaning: string;
}

/** Codes of postgres.js and of the network for a connection that failed or was lost. */
export const LOST = [
  NO_SERVER,
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

/** Every error of PostgreSQL or of the connection to it. */
export const RULES: Rule[] = [
  { codes: LOST, act: "wait", meaning: "the connection is lost or refused" },
  { codes: ["08"], act: "wait", meaning: "the connection failed" },
  { codes: ["25006"], act: "wait", meaning: "the server is read-only, as after a failover" },
  {
    codes: ["25P03", "25P04"],
    act: "wait",
    meaning: "the server ended a transaction that took long",
  },
  { codes: ["26000", "42P05"], act: "wait", meaning: "a pooler mixed up prepared statements" },
  { codes: ["40001", "40P01"], act: "wait", meaning: "the statement conflicted with another one" },
  { codes: ["53"], act: "wait", meaning: "the server is out of disk, memory or connections" },
  { codes: ["55P03"], act: "wait", meaning: "the lock was not available" },
  { codes: ["57"], act: "wait", meaning: "the server cancelled the statement or is shutting down" },
  { codes: ["58"], act: "wait", meaning: "the server's operating system failed" },
  {
    codes: ["23505"],
    act: "stop",
    meaning: "a recreated topic, or a unique index of your own",
  },
  { codes: ["22P05"], act: "stop", meaning: "the encoding of the database lacks a character" },
  {
    codes: ["22", "23"],
    act: "reject",
    meaning: "the record is invalid: it becomes a reject",
  },
  { codes: ["28"], act: "stop", meaning: "the login is refused" },
  { codes: ["3D", "3F"], act: "stop", meaning: "the database or schema does not exist" },
  { codes: ["42704"], act: "stop", meaning: "a trigger, a rule or a policy drops rows" },
  { codes: ["42"], act: "stop", meaning: "a table, column or right is missing" },
];

/** How consume reacts to an error code; a code without a rule stops it. */
export function actOn(code: string): Act {
  const rule = RULES.find(({ codes }) => codes.some((known) => code.startsWith(known)));
  return code && rule ? rule.act : "stop";
}
