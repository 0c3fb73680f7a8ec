import type { Sql } from "postgres";
import { quote, quoteText } from "./quote.ts";

/** The text of a statement or of a part of one. */
class SqlText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text on one line. */
  toString(): string {
    return this.#text.trim().replace(/\s*\n\s*/g, " ").replaceAll(" ,", ",");
  }
}

/** Used in place of a client: turns statements into text with their values filled in, ready for psql. */
export const statementWriter = Object.assign(
  (first: string | TemplateStringsArray, ...values: unknown[]) =>
    typeof first === "string"
      ? new SqlText(identifier(first))
      : new SqlText(first.reduce((text, part, i) => text + literal(values[i - 1]) + part)),
  { unsafe: (text: string) => new SqlText(text) },
) as unknown as Sql;

/** Quotes a name like postgres.js: a dot separates schema and table. */
function identifier(name: string): string {
  return quote(name).replaceAll(".", '"."');
}

function literal(value: unknown): string {
  if (value instanceof SqlText) return String(value);
  // A cast binds tighter than a minus sign.
  if (typeof value === "number") return value < 0 ? `(${value})` : String(value);
  return quoteText(String(value));
}
