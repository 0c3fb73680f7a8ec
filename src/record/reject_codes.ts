/** Why a record is rejected, as programs read it; besides these `db_` and the SQLSTATE with which PostgreSQL refused it. */
export const REJECT_CODES = [
  "json_syntax",
  "utf8",
  "schema",
  "depth",
  "size",
  "unreadable",
  "unknown_key",
  "duplicate_key",
] as const;

/** The code of a reject. */
export type RejectCode = typeof REJECT_CODES[number] | `db_${string}`;

/** Whether it is the code of a reject. */
export function isRejectCode(word: string): boolean {
  return (REJECT_CODES as readonly string[]).includes(word) || /^db_[0-9A-Z]{5}$/.test(word);
}
