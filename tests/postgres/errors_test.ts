import { assertEquals } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { explainPostgres } from "../../src/postgres/errors.ts";
import { testSettings } from "../support/fixtures.ts";

const { postgresql } = testSettings();

/** The explanation of an error of the server. */
function explain(fields: { code: string; message: string } & Record<string, string>) {
  const failure = explainPostgres(Object.assign(new Error(), fields), postgresql);
  const { kind, message, hint } = failure as OperationalError;
  return { kind, message, hint };
}

Deno.test("a connection pooler that refuses a parameter is named, with the setting that fixes it", () => {
  const { kind, hint } = explain({
    code: "08P01",
    message: "unsupported startup parameter: statement_timeout",
  });
  assertEquals(kind, "settings");
  assertEquals(hint, [
    "in pgbouncer.ini: ignore_startup_parameters = bytea_output, extra_float_digits, row_security, " +
    "standard_conforming_strings, default_transaction_read_only, statement_timeout",
  ]);
});
