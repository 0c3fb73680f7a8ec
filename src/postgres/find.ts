import type { Fragment, Sql } from "postgres";
import { edges, type Extent } from "../record/geo.ts";
import type { Client } from "./connect.ts";
import { type Batch, cancellable, type Inside, readCursor, type Statement } from "./cursor.ts";
import { type FoundText, foundText, requireUser } from "./found_text.ts";
import { piecesOf } from "./pieces.ts";
import type { Search } from "./search.ts";
import type { RowTap } from "./row_tap.ts";
import { onOneLine, statementWriter } from "./sql_text.ts";
import { openPlaceIndex } from "./place_index.ts";
import { describeHeaders } from "./reject_json.ts";

/** Reads the rows that match a search. */
export interface Finder {
  /** Rows in batches; see `FoundRow` for the cells. */
  find(search: Search): AsyncGenerator<FoundRow[]>;
  /** The same for fixes, as the text that PostgreSQL sends. */
  findText(search: Search): AsyncGenerator<FoundText>;
  /** The number of matching rows, regardless of the search's limit; stops counting at `max` unless it is null. */
  count(search: Search, max: number | null): Promise<number>;
  /** The extent of the matching fixes with a finite time and valid coordinates; null when there are none. */
  extent(search: Search): Promise<Extent | null>;
  /** The SQL text of find(), or of count() without a maximum, with its values filled in. */
  written(search: Search, which: "rows" | "count"): string;
}

/**
 * The index on time is a BRIN index, which is a thousandth of a B-tree and costs an insert nothing, but gives no order. So
 * the newest rows are looked for in windows, each longer than the one before: together they read little more than the last.
 */
const WINDOW_S = 60;
const WINDOW_GROWTH = 8;
const BATCH_ROWS = 5_000;
// The value of a reject can have 1 MiB.
const BATCH_REJECTS = 100;

/**
 * Opens a finder on the tables of `schema`. The client must use one connection, because a cursor belongs to its connection.
 * An aborted signal cancels the running statement; `watched` gets each statement, since each can wait or get no answer.
 */
export function openFinder(
  { sql, tap }: Pick<Client, "sql" | "tap">,
  { schema, statementTimeoutMs = 0, signal, now, watched = (work) => work }: {
    schema: string;
    /** 0: none. */
    statementTimeoutMs?: number;
    signal: AbortSignal;
    /** Milliseconds since 1970. */
    now: () => number;
    watched?: <T>(work: Promise<T>) => Promise<T>;
  },
): Finder {
  const run = <T>(query: Statement<T>) => watched(cancellable(query, signal));
  // Behind a pooler the settings of a session do not count. The server's configuration may shorten floats, and its planner
  // expects cursors to be read only in part.
  const begin = `begin isolation level repeatable read read only;
    set local statement_timeout = ${statementTimeoutMs};
    set local extra_float_digits = 1;
    set local cursor_tuple_fraction = 1`;
  /** Runs statements in one round trip, in a transaction that begins with the first; returns the rows of the last. */
  function inTransaction(): Inside {
    let opening = [begin];
    return async (...statements) => {
      const all = [...opening, ...statements];
      opening = [];
      const results = await run(sql.unsafe(all.join(";\n")).values()) as unknown;
      return all.length > 1 ? (results as Batch[]).at(-1)! : results as Batch;
    };
  }
  let isIndexed: Promise<boolean> | null = null;
  /** The search, with the index on places if it has a box and there is one. */
  async function indexed(search: Search): Promise<Search> {
    if (!search.bbox && !search.near) return search;
    isIndexed ??= watched(openPlaceIndex(sql, schema).state()).then((state) => state === "ready");
    return { ...search, usesPlaceIndex: await isIndexed };
  }
  /** A search for the newest rows, limited to a time after which there are enough: see WINDOW_S. */
  async function narrowed(search: Search, inside: Inside): Promise<Search> {
    const { what, order, reverse, limit, bbox, near, since, until } = search;
    const isNewest = what === "points" && order !== "user" && !reverse && limit !== null;
    // Rows at a place can be anywhere in time: looking back for them could read the table twice.
    if (!isNewest || bbox || near) return await indexed(search);
    const end = until ?? now() / 1000;
    const windows: Search[] = [];
    for (let span = WINDOW_S; span < end - (since ?? 0); span *= WINDOW_GROWTH) {
      windows.push({ ...search, since: end - span });
    }
    // The server stops at the first window that has enough.
    const enough = windows.map((window, i) =>
      `(select ${i} where (${countOf(statementWriter, schema, window, limit)}) >= ${limit})`
    );
    const [[first]] = await inside(`select coalesce(${[...enough, "-1"]})`) as unknown as [
      [number],
    ];
    return windows[first] ?? search;
  }
  function batches<T>(search: Search, tap: RowTap | null, taken: (rows: Batch) => T) {
    const inside = inTransaction();
    const select = async () =>
      String(rowsOf(statementWriter, schema, await narrowed(search, inside)));
    const size = search.what === "rejects" ? BATCH_REJECTS : BATCH_ROWS;
    return readCursor(select, inside, { size, tap, taken });
  }
  return {
    find: (search) => batches(search, null, (rows) => finished(search.what, rows)),
    findText: (search) => batches(search, tap, (rows) => foundText(tap.take(), rows)),
    count: async (search, max) => {
      const count = countOf(statementWriter, schema, await indexed(search), max);
      const [row] = await run(sql.unsafe(String(count)));
      return Number(row!.n);
    },
    extent: async (search) => {
      const inside = inTransaction();
      const extent = extentOf(statementWriter, schema, await narrowed(search, inside));
      const [row] = await inside(String(extent)) as unknown as ExtentRow[];
      await inside("rollback");
      const [fixes, users, first, last, south, north, ...longitudes] = row!;
      if (fixes === 0) return null;
      const [west, east] = edgesOf(longitudes);
      return { fixes, users, first, last, box: { west, south, east, north } };
    },
    written: (search, which) =>
      onOneLine(String(
        which === "rows"
          ? rowsOf(statementWriter, schema, search)
          : countOf(statementWriter, schema, search, null),
      )),
  };
}

function rowsOf(sql: Sql, schema: string, search: Search) {
  const { cells, from, order } = piecesOf(sql, schema, search);
  return sql`select ${cells} from ${from} order by ${order} ${atMost(sql, search.limit)}`;
}

function countOf(sql: Sql, schema: string, search: Search, max: number | null) {
  const { from } = piecesOf(sql, schema, { ...search, limit: null });
  const found = sql`select 1 from ${from} ${atMost(sql, max)}`;
  return sql`select count(*) as n from (${found}) as found`;
}

function extentOf(sql: Sql, schema: string, search: Search) {
  return sql`
    select count(*)::float8 as fixes, count(distinct user_id)::float8 as users,
      min(timestamp) as first, max(timestamp) as last,
      min(latitude) as south, max(latitude) as north,
      min(longitude) as min, max(longitude) as max,
      min(longitude) filter (where longitude >= 0) as min_eastern,
      max(longitude) filter (where longitude < 0) as max_western
    from (${rowsOf(sql, schema, search)}) as fix
    where timestamp > '-infinity' and timestamp < 'infinity'
      and abs(latitude) <= 90 and abs(longitude) <= 180`;
}

function atMost(sql: Sql, limit: number | null): Fragment {
  return limit === null ? sql`` : sql`limit ${limit}::bigint`;
}

/** The rows as find() returns them. */
function finished(what: Search["what"], rows: FoundRow[]): FoundRow[] {
  if (what === "rejects") {
    for (const row of rows) row[HEADERS_AT] = describeHeaders(row[HEADERS_AT] as string | null);
  } else if (what !== "codes") rows.forEach(requireUser);
  return what === "summary" ? rows.map(withBox) : rows;
}

/** The column of a reject. */
const HEADERS_AT = 8;

/** Replaces the extreme coordinates of a summary row by west, south, east, north. */
function withBox(row: FoundRow): FoundRow {
  const [min, max, minEastern, maxWestern, south, north] = row.slice(6) as SummaryBox;
  const [west, east] = edgesOf([min, max, minEastern, maxWestern]);
  return [...row.slice(0, 6), west, south, east, north];
}

function edgesOf([min, max, minEastern, maxWestern]: Longitudes): [number, number] {
  return edges({ min, max, minEastern, maxWestern });
}

/** Columns of a summary, and those of an extent. */
type SummaryBox = [...Longitudes, south: number, north: number];
type ExtentRow = [
  fixes: number,
  users: number,
  first: number,
  last: number,
  south: number,
  north: number,
  ...Longitudes,
];
type Longitudes = [min: number, max: number, minEastern: number | null, maxWestern: number | null];

/**
 * One row of a result. Its cells, by the kind of search:
 * points, last: user, time, latitude, longitude, with `near` metres from there, with `withOrigin` partition and offset;
 * summary: user, fixes, first time, last time, metres and seconds without gaps, west, south, east, north;
 * rejects: topic, partition, offset, time, code, path, message, key, headers, value;
 * codes: code, rejects, first time, last time.
 */
export type FoundRow = (number | string | Uint8Array | null)[];
