/** What consuming does on an error: see the table in `routes help errors`. */
export type Act = "reject" | "wait" | "stop";

/** One line of the table that consuming runs on. */
export interface Rule {
  /** SQLSTATEs or their beginnings, or codes of the network; the first rule that fits counts. */
  codes: string[];
  act: Act;
  meaning: string;
}

/** Codes of postgres.js and of the network when there is no connection, or none any more. */
export const LOST = [
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
    meaning: "this offset has a row already: the topic was made anew",
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

/** What to do about an error of that code; what no rule knows stops. */
export function actOn(code: string): Act {
  const rule = RULES.find(({ codes }) => codes.some((known) => code.startsWith(known)));
  return code && rule ? rule.act : "stop";
}
