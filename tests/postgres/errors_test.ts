import { assertEquals, assertStringIncludes } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { explainPostgres, judgePostgres } from "../../src/postgres/errors.ts";
import { testSettings } from "../support/fixtures.ts";

const { postgresql } = testSettings();

/** The explanation of an error of the server. */
function explain(fields: { code: string; message: string } & Record<string, string>) {
  const failure = explainPostgres(Object.assign(new Error(), fields), postgresql);
  const { kind, message, hint } = failure as OperationalError;
  return { kind, message, hint };
}

Deno.test("a pooler that refuses even the parameters that PgBouncer takes is named", () => {
  const { kind, message, hint } = explain({
    code: "08P01",
    message: "unsupported startup parameter: application_name",
  });
  assertEquals(kind, "unavailable");
  assertEquals(
    message.replace(/at \S+/, "at X"),
    "the connection pooler at X refuses a parameter of this program",
  );
  assertEquals(hint, ["let it accept or ignore application_name and standard_conforming_strings"]);
});

Deno.test("what PgBouncer reports as a protocol error is explained by its text", () => {
  const kinds = [
    "SASL authentication failed",
    'database "x" does not exist',
    "no more connections allowed (max_client_conn)",
    "query_wait_timeout",
    "server conn crashed?",
  ].map((message) => explain({ code: "08P01", message }).kind);
  assertEquals(kinds, ["noPermission", "unavailable", "temporary", "temporary", "temporary"]);
});

Deno.test("a limit of the server, the database or the role is named", () => {
  const named: [code: string, message: string, limit: string][] = [
    ["53300", 'too many connections for role "me"', 'connection limit of role "'],
    ["53300", 'too many connections for database "d"', 'connection limit of "'],
    ["53300", "sorry, too many clients already", "max_connections"],
    ["08P01", "no more connections allowed (max_client_conn)", "max_client_conn"],
    ["57014", "canceling statement due to statement timeout", "statement_timeout"],
    ["55P03", "canceling statement due to lock timeout", "lock_timeout"],
    ["25P03", "terminating connection due to idle-in-transaction timeout", "idle_in_tran"],
    ["25P04", "terminating connection due to transaction timeout", "transaction_timeout"],
    ["57P05", "terminating connection due to idle-session timeout", "idle_session_timeout"],
    ["08P01", "query_wait_timeout", "query_wait_timeout"],
  ];
  for (const [code, message, limit] of named) {
    const explained = explain({ code, message });
    assertEquals(explained.kind, "temporary");
    assertStringIncludes(explained.message, `: ${limit}`);
    assertEquals(judgePostgres({ code, message }).act, "wait");
  }
});
