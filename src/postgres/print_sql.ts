import type { Sql } from "postgres";

/** A piece of a statement. */
class Written {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** In one line. */
  toString(): string {
    return this.#text.trim().replace(/\s*\n\s*/g, " ").replaceAll(" ,", ",");
  }
}

/** Stands in for a client: statements become their text, with values in place, for people to take to psql. */
export const statementWriter = Object.assign(
  (first: string | TemplateStringsArray, ...values: unknown[]) =>
    typeof first === "string"
      ? new Written(identifier(first))
      : new Written(first.reduce((text, part, i) => text + literal(values[i - 1]) + part)),
  { unsafe: (text: string) => new Written(text) },
) as unknown as Sql;

/** As postgres.js does: dots part schema and table. */
function identifier(name: string): string {
  return `"${name.replaceAll('"', '""').replaceAll(".", '"."')}"`;
}

function literal(value: unknown): string {
  if (value instanceof Written) return String(value);
  // A cast binds tighter than a sign.
  if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
  return `'${String(value).replaceAll("'", "''")}'`;
}
