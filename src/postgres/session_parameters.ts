import { POOLED_PARAMETERS } from "./pooler.ts";

/**
 * Parameters that change how statements and results are read; a database or role may have other defaults. Statements
 * depend on no others: they read times as numbers and qualify tables. Triggers may depend on theirs, such as search_path.
 */
export const SESSION = {
  bytea_output: "hex",
  extra_float_digits: "1",
  row_security: "on",
  standard_conforming_strings: "on",
};

/** Parameters that a pooler may refuse. */
export const UNPOOLED_PARAMETERS = [
  ...Object.keys(SESSION),
  "default_transaction_read_only",
  "statement_timeout",
].filter((name) => !POOLED_PARAMETERS.includes(name));
