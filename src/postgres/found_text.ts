import { OperationalError } from "../errors.ts";
import type { TextRows } from "../formats/text_rows.ts";
import type { FoundRow } from "./find.ts";
import { cellsOf } from "./row_tap.ts";

/** Fixes as the text that PostgreSQL sent. */
export interface FoundText extends TextRows {
  /** A row as find() returns it. */
  row(index: number): FoundRow;
}

/** Types whose values postgres.js makes numbers: int2, int4, oid, float4 and float8. */
const NUMBERS = [21, 23, 26, 700, 701];
/** Types whose text is that of a JavaScript number, unless it has an exponent: int2, int4 and float8. */
const PLAIN = [21, 23, 701];

const decoder = new TextDecoder();

/** The rows of messages of PostgreSQL. */
export function foundText(
  bytes: Uint8Array,
  { count, columns }: { count: number; columns: { type: number }[] },
): FoundText {
  const cells = cellsOf(bytes, count, columns.length);
  return {
    bytes,
    cells,
    count,
    isPlain: columns.every(({ type }) => PLAIN.includes(type)),
    row: (index) => {
      const row = columns.map(({ type }, column) => {
        const at = 2 * (index * columns.length + column);
        if (cells[at]! < 0) return null;
        const text = decoder.decode(bytes.subarray(cells[at], cells[at + 1]));
        return NUMBERS.includes(type) ? Number(text) : text;
      });
      requireUser(row);
      return row;
    },
  };
}

/** A table of another program may have a bigint, which arrives as text, or text, which no format escapes. */
export function requireUser(row: FoundRow): void {
  if (typeof row[0] === "number" || row[0] === null) return;
  const user = Number(row[0]);
  if (!Number.isSafeInteger(user) || row[0] === "") {
    throw new OperationalError("data", "a row of routes_table has a user_id that is no integer", {
      reason: `user_id: ${JSON.stringify(row[0])}`,
      hint: "alter the column to integer: routes check names the columns that differ",
    });
  }
  row[0] = user;
}
