import { OperationalError } from "../errors.ts";

/** The fields of a server error that name what a row violates. */
interface Violation {
  code?: string;
  detail?: string;
  table_name?: string;
  column_name?: string;
  constraint_name?: string;
}

/** Whether a column of the user's own requires a value: then every record fails, since routes writes its own columns only. */
export function isColumnRequired(error: unknown): boolean {
  const { code, table_name } = error as Violation;
  return code === "23502" && table_name === "routes_table";
}

/** Explains the violation of a constraint that a user added; null for any other error. */
export function explainConstraint(
  error: Error & Violation,
  schema: string,
): OperationalError | null {
  const { code, detail, table_name: table, column_name: column, constraint_name: name } = error;
  const where = `"${schema}".${table}`;
  const explain = (text: string, hint: string) =>
    new OperationalError("data", text, {
      reason: [error.message, detail ?? []].flat(),
      hint,
      cause: error,
    });
  if (isColumnRequired(error)) {
    return explain(
      `column "${column}" of table ${where} needs a value, and records have none`,
      `alter table ${where} alter column "${column}" drop not null`,
    );
  }
  if (!code?.startsWith("23") || !name) return null;
  if (code !== "23505") {
    return explain(
      `constraint "${name}" of table ${where} refuses records`,
      `alter table ${where} drop constraint "${name}"`,
    );
  }
  const isOurs = ["routes_table_source", "routes_rejects_pkey"].includes(name) ||
    detail?.startsWith("Key (source_id, source_offset)");
  return isOurs ? null : explain(
    `unique index "${name}" of table ${where} refuses a record`,
    `drop index "${schema}"."${name}"`,
  );
}
