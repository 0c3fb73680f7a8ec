import { openFinder } from "../../postgres/find.ts";
import { EVERYTHING, type Search } from "../../postgres/search.ts";
import type { CommandContext } from "../context.ts";
import { openPostgresFor } from "../open_postgres.ts";
import type { FeedRows } from "./live/feed.ts";
import type { LastRow } from "./live/last_fixes.ts";

/** Reads what the live page shows of the table, as `routes query --last` and `routes query --since` do. */
export function feedRows(context: CommandContext): FeedRows {
  return {
    last: (limit, signal) => find({ ...EVERYTHING, what: "last", limit }, signal, context),
    since: (since, limit, signal) => find({ ...EVERYTHING, since, limit }, signal, context),
  };
}

/** Rows in batches, on a connection of its own, which does not take one from the run. */
async function* find(
  search: Search,
  signal: AbortSignal,
  context: CommandContext,
): AsyncGenerator<LastRow[]> {
  const { settings: { postgresql: { schema } }, system, reporter } = context;
  // A page that is opened must not show in the output of the run.
  const quiet = { ...context, reporter: { ...reporter, wait: () => {}, warn: () => {} } };
  const { sql, tap, bounded, close } = openPostgresFor(quiet, { max: 1, readOnly: true });
  try {
    const finder = openFinder({ sql, tap }, { schema, signal, watched: bounded, now: system.now });
    yield* finder.find(search);
  } finally {
    await close();
  }
}
