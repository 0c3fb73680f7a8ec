import type { Terminal } from "../../src/commands/query/columns.ts";

/** What a query knows of its stdout when that is a file or a pipe. */
export const NO_TERMINAL: Terminal = {
  unicode: false,
  ascii: false,
  width: null,
  height: null,
  color: false,
  canRedraw: false,
};
