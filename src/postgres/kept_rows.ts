import type { Fragment, Sql } from "postgres";
import { OperationalError } from "../errors.ts";
import { formatMany } from "../units.ts";

/**
 * An SQL expression that fails its statement unless `kept` equals `written`: a trigger, a rule or row-level security can
 * drop rows silently, and a comparison in the client would come after the commit. current_setting() fails with its
 * argument in the message and an SQLSTATE that stops consume; no other function of every server does.
 */
export function requireKept(
  sql: Sql,
  table: "routes_table" | "routes_rejects",
  kept: Fragment,
  written: Fragment,
): Fragment {
  const text = `${table} kept %s of %s rows`;
  return sql`case when ${kept} <> ${written}
    then current_setting(format(${text}::text, ${kept}, ${written})) end`;
}

/** The explanation of an error of requireKept(); null for any other error. */
export function explainDropped(
  code: string,
  error: Error,
  schema: string,
): OperationalError | null {
  const [, table, kept, written] = /"(routes_\w+) kept (\d+) of (\d+) rows"/.exec(error.message) ??
    [];
  if (code !== "42704" || !table) return null;
  const text = `table "${schema}.${table}" kept only ${kept} of ${
    formatMany(Number(written), "row")
  }`;
  return new OperationalError("data", text, {
    reason: [
      "a trigger, a rule or row-level security on that table drops rows",
      "the statement was undone: the position did not move",
    ],
    hint: `find and remove it; psql lists it with: \\d "${schema}".${table}`,
    cause: error,
  });
}
