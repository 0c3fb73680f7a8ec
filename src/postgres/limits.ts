/** Settings of a server, database or role that end a statement or a session, by the SQLSTATE and text of their errors. */
const LIMITS: [state: string, message: RegExp, setting: string][] = [
  ["57014", /statement timeout/, "statement_timeout"],
  ["55P03", /lock timeout/, "lock_timeout"],
  ["25P03", /./, "idle_in_transaction_session_timeout"],
  ["25P04", /./, "transaction_timeout"],
  ["57P05", /./, "idle_session_timeout"],
  ["08P01", /query_wait_timeout/, "query_wait_timeout"],
  ["08P01", /query_timeout/, "query_timeout"],
  ["08P01", /client_idle_timeout/, "client_idle_timeout"],
  ["08P01", /idle transaction timeout/, "idle_transaction_timeout"],
];

/** What ended at which limit, and what to do; null when the error is of another kind. */
export function explainLimit(
  state: string,
  message: string,
  { where, user, database }: { where: string; user: string; database: string },
): { text: string; hint: string } | null {
  if (state === "53300") {
    const [limit, hint] = /for role/.test(message)
      ? [`connection limit of role "${user}"`, `alter role "${user}" connection limit N`]
      : /for database/.test(message)
      ? [`connection limit of "${database}"`, `alter database "${database}" connection limit N`]
      : /max_client_conn|no more connections/.test(message)
      ? ["max_client_conn", "raise max_client_conn in pgbouncer.ini"]
      : ["max_connections", "raise max_connections of the server"];
    return {
      text: `${where} has no connection left: ${limit}`,
      hint: `close other connections, lower [postgresql] pool_max, or ${hint}`,
    };
  }
  const [, , setting] = LIMITS.find(([code, pattern]) => code === state && pattern.test(message)) ??
    [];
  if (!setting) return null;
  return {
    text: `${where} stopped a statement or a session at its limit: ${setting}`,
    hint: state === "08P01"
      ? `raise ${setting} in pgbouncer.ini`
      : setting === "statement_timeout"
      ? "raise [postgresql] statement_timeout; behind a pooler: " +
        `alter role "${user}" set statement_timeout = …`
      : setting === "idle_in_transaction_session_timeout"
      ? `take the output faster, or alter role "${user}" set ${setting} = …`
      : `alter role "${user}" set ${setting} = …`,
  };
}
