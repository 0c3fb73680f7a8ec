import type { Fragment, Sql } from "postgres";
import { edges } from "../geo.ts";
import { piecesOf, type Search } from "./search.ts";

/** One row, its cells as follows. */
export type FoundRow = (number | string | Uint8Array | null)[];

/**
 * Looks rows up. The cells of a row, by what is looked for:
 * points, last: user, time, latitude, longitude and, with `near`, metres from there;
 * summary: user, fixes, first time, last time, metres, west, south, east, north;
 * rejects: topic, partition, offset, time, code, path, message, value.
 */
export interface Finder {
  find(search: Search): AsyncGenerator<FoundRow[]>;
  /** How many rows there are whatever the limit; counts no further than `max` when it is given. */
  count(search: Search, max: number | null): Promise<number>;
}

const BATCH_ROWS = 5_000;
// A value may have a megabyte.
const BATCH_REJECTS = 100;

/**
 * The tables of `schema`; `sql` must hold one connection, for a cursor lives in it. A signal that ends cancels what is
 * under way.
 */
export function openFinder(
  sql: Sql,
  { schema, signal }: { schema: string; signal: AbortSignal },
): Finder {
  const atMost = (limit: number | null) => limit === null ? sql`` : sql`limit ${limit}::bigint`;
  return {
    find: (search) => {
      const { cells, from, order } = piecesOf(sql, schema, search);
      const select = sql`select ${cells} from ${from} order by ${order} ${atMost(search.limit)}`;
      return read(sql, select, search.what, signal);
    },
    count: async (search, max) => {
      const { from } = piecesOf(sql, schema, search);
      const found = sql`select 1 from ${from} ${atMost(max)}`;
      const query = sql`select count(*)::float8 as n from (${found}) as found`;
      const [row] = await cancellable(query, signal);
      return row!.n;
    },
  };
}

/**
 * Reads through a cursor of SQL, one batch ahead. The cursor of the protocol would not do: to PostgreSQL it is one
 * statement that goes on while the reader of our output pauses, until statement_timeout ends it.
 */
async function* read(
  sql: Sql,
  select: Fragment,
  what: Search["what"],
  signal: AbortSignal,
): AsyncGenerator<FoundRow[]> {
  const size = what === "rejects" ? BATCH_REJECTS : BATCH_ROWS;
  const fetch = () => {
    const rows = cancellable(sql.unsafe(`fetch ${size} from page`).values(), signal);
    // It may fail before anybody waits for it; whoever does is told.
    rows.catch(() => {});
    return rows as unknown as Promise<FoundRow[]>;
  };
  // A server may be set to cut floats short, and plans cursors as if nobody read them to the end.
  await sql.unsafe(
    "begin read only; set local extra_float_digits = 1; set local cursor_tuple_fraction = 1",
  );
  let next: Promise<FoundRow[]> | null = null;
  try {
    await sql`declare page no scroll cursor for ${select}`;
    next = fetch();
    for (let rows; (rows = await next).length > 0;) {
      next = rows.length < size ? Promise.resolve([]) : fetch();
      yield what === "summary" ? rows.map(withBox) : rows;
    }
  } finally {
    await next?.catch(() => {});
    await sql`rollback`.catch(() => {});
  }
}

/** Puts west, south, east, north in the place of the extremes. */
function withBox(row: FoundRow): FoundRow {
  const [min, max, minEastern, maxWestern, south, north] = row.slice(5) as number[];
  const [west, east] = edges({ min, max, minEastern, maxWestern } as Parameters<typeof edges>[0]);
  return [...row.slice(0, 5), west, south!, east, north!];
}

async function cancellable<T>(
  query: Promise<T> & { cancel(): void },
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  const cancel = () => query.cancel();
  signal.addEventListener("abort", cancel);
  try {
    return await query;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
