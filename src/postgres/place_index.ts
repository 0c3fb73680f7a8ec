import type { Fragment, Sql } from "postgres";
import type { Box } from "../record/geo.ts";
import { once } from "./sql_text.ts";

/** Whether the index is there; `broken`: building it was interrupted, and it is not used. */
export type IndexState = "absent" | "ready" | "broken";

const NAME = "routes_table_place";
/** Of a cell, in degrees: about a kilometre. */
const CELLS_PER_DEGREE = 100;
/** Cells of a band from west to east, both edges included. */
const BAND = 360 * CELLS_PER_DEGREE + 1;

/**
 * An index for `--near` and `--bbox` on the `routes_table` of `schema`: a btree of the numbers of cells. It is not a
 * migration, because it costs each insert a microsecond that only these queries get back. `sql` must use one connection.
 *
 * Not SP-GiST on points: PostgreSQL compares them with a tolerance, which makes inserts fail ("getQuadrant: impossible
 * case") where coordinates differ by just that, as they do with 7 decimals.
 */
export function openPlaceIndex(sql: Sql, schema: string) {
  const table = sql(`${schema}.routes_table`);
  const state = async (): Promise<IndexState> => {
    const [row] = await once(sql)`
      select indisvalid from pg_index join pg_class on oid = indexrelid
      where relname = ${NAME} and relnamespace = (
        select oid from pg_namespace where nspname = ${schema}
      )`;
    return row ? row.indisvalid ? "ready" : "broken" : "absent";
  };
  const drop = async () => {
    await sql`set statement_timeout = 0`;
    await sql`drop index concurrently if exists ${sql(`${schema}.${NAME}`)}`;
  };
  return {
    state,
    drop,
    /** Builds it without blocking writers, which can take minutes; an interrupted build begins again. */
    create: async () => {
      if (await state() === "broken") await drop();
      await sql`set statement_timeout = 0`;
      await sql`
        create index concurrently if not exists ${sql(NAME)} on ${table} (${sql.unsafe(CELL)})`;
      // The planner uses the index only when it knows how many rows a cell has.
      await sql`analyze ${table}`;
    },
  };
}

/** The cell of a row; null for coordinates outside the globe, which other programs may write. */
const CELL = "(case when latitude between -90 and 90 and longitude between -180 and 180 " +
  `then floor((latitude + 90) * ${CELLS_PER_DEGREE})::int * ${BAND} ` +
  `+ floor((longitude + 180) * ${CELLS_PER_DEGREE})::int end)`;

/** Bands of the largest box for which the index is asked, about a hundred kilometres: more would be read faster in one go. */
const BANDS_MAX = 100;

/** A condition that holds for every row in a box, for which there is an index; null: the box is too large for it. */
export function inCells(sql: Sql, { west, south, east, north }: Box): Fragment | null {
  // The same arithmetic as in cellOf(), so that no row is outside of its cell.
  const cell = (degrees: number, from: number) => Math.floor((degrees + from) * CELLS_PER_DEGREE);
  const [bottom, top] = [cell(south, 90), cell(north, 90)];
  if (top - bottom >= BANDS_MAX) return null;
  const [first, last, end] = [cell(west, 180), cell(east, 180), BAND - 1];
  // A box with west > east crosses 180°; and a place on the date line may be stored at either end.
  const ranges = west > east ? [[0, last], [first, end]] : [[first, last]];
  if (west <= east && last === end) ranges.push([0, 0]);
  if (west <= east && first === 0) ranges.push([end, end]);
  const bands = Array.from({ length: top - bottom + 1 }, (_, i) => (bottom + i) * BAND);
  const cells = bands.flatMap((band) =>
    ranges.map(([low, high]) => `${CELL} between ${band + low!} and ${band + high!}`)
  );
  return sql.unsafe(`(${cells.join(" or ")})`) as unknown as Fragment;
}
