import type { PendingQuery, Row, Sql } from "postgres";
import { quote, quoteText } from "./quote.ts";

/** The text of a statement or of a part of one. */
class SqlText {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** Used in place of a client: turns statements into text with their values filled in, ready for psql. */
export const statementWriter = Object.assign(
  (first: string | TemplateStringsArray, ...values: unknown[]) =>
    typeof first === "string" ? new SqlText(identifier(first)) : written(first, values),
  { unsafe: (text: string) => new SqlText(text) },
) as unknown as Sql;

function written(parts: TemplateStringsArray, values: unknown[]): SqlText {
  return new SqlText(parts.reduce((text, part, i) => text + literal(values[i - 1]) + part));
}

/**
 * Runs a statement with its values filled in, which takes one round trip: for a statement with parameters, the client first
 * asks what they are, so that this only pays when it is repeated.
 */
export function once(sql: Sql): (first: TemplateStringsArray, ...values: unknown[]) => Query {
  return (first, ...values) => sql.unsafe(String(written(first, values)));
}

type Query = PendingQuery<Row[]>;

/** The text on one line. */
export function onOneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ").replaceAll(" ,", ",");
}

/** Quotes a name like postgres.js: a dot separates schema and table. */
function identifier(name: string): string {
  return quote(name).replaceAll(".", '"."');
}

function literal(value: unknown): string {
  if (value === null) return "null";
  if (value instanceof SqlText) return String(value);
  if (typeof value !== "number" || !Number.isFinite(value)) return quoteText(String(value));
  // A cast binds tighter than a minus sign.
  return value < 0 ? `(${value})` : String(value);
}
