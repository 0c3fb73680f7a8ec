import { assert, assertEquals } from "@std/assert";
import { openFinder } from "../../src/postgres/find.ts";
import { RowTap } from "../../src/postgres/row_tap.ts";
import { openPlaceIndex } from "../../src/postgres/place_index.ts";
import { EVERYTHING, type Search } from "../../src/postgres/search.ts";
import { drawFrom, pick } from "../fakes/random.ts";
import { withSchema } from "../support/fixtures.ts";

const draw = drawFrom(20_261_127);
const SIDES = [-180, -179.999, -90, -0.001, 0, 0.001, 90, 179.999, 180];
/** Mostly where boxes end: on the date line, at the poles, on the equator. */
const side = () => draw(2) === 0 ? pick(draw, SIDES) : draw(360_001) / 1000 - 180;
const height = () =>
  Math.max(-90, Math.min(90, draw(2) === 0 ? side() : draw(180_001) / 1000 - 90));

const everything: Search = { ...EVERYTHING, gapS: 1800, order: "user" };

Deno.test("the index on places changes no result, at the date line, the poles, or beside odd rows", () =>
  withSchema(async ({ schema, sql }) => {
    const table = sql(`${schema}.routes_table`);
    const fixes = Array.from({ length: 5_000 }, (_, i) => [i, height(), side()]);
    const column = (i: number) => `{${fixes.map((fix) => fix[i])}}`;
    await sql`
      insert into ${table} (user_id, timestamp, latitude, longitude)
      select id, id, latitude, longitude from unnest(
        ${column(0)}::int[], ${column(1)}::float8[], ${column(2)}::float8[]
      ) as fix (id, latitude, longitude)
      union all values (-1, 1, 'NaN'::float8, 0::float8), (-2, 1, 0, 'infinity'), (-3, 1, 91, 181)`;
    const searches: Partial<Search>[] = Array.from({ length: 120 }, (_, i) => {
      const south = height();
      const north = Math.min(90, draw(2) === 0 ? south + draw(5_000) / 1000 : 90);
      return i % 2 === 0
        ? { bbox: { west: side(), south, east: side(), north } }
        : { near: { latitude: height(), longitude: side(), radiusM: 10 ** (1 + draw(7)) } };
    });
    const open = () =>
      openFinder({ sql, tap: new RowTap() }, {
        schema,
        signal: new AbortController().signal,
        now: Date.now,
      });
    const run = async () => {
      // It looks once whether there is an index.
      const finder = open();
      const found: unknown[][] = [];
      for (const search of searches) {
        const rows = await Array.fromAsync(finder.find({ ...everything, ...search }));
        found.push(rows.flat().map(([user]) => user));
      }
      return found;
    };
    const before = await run();
    const index = openPlaceIndex(sql, schema);
    assertEquals(await index.state(), "absent");
    await index.create();
    assertEquals(await index.state(), "ready");
    // In a small table it would not pay.
    await sql`set enable_seqscan = off`;
    const bbox = { west: 1, south: 1, east: 1.01, north: 1.01 };
    const text = open().written({ ...everything, usesPlaceIndex: true, bbox }, "rows");
    const plan = await sql.unsafe(`explain ${text}`);
    assert(JSON.stringify(plan).includes("routes_table_place"), JSON.stringify(plan));
    for (const [i, users] of (await run()).entries()) {
      assertEquals(users, before[i], JSON.stringify(searches[i]));
    }
    assert(
      before.some((users) => users.length > 100) && before.some((users) => users.length === 0),
    );
    // As after an interrupted build.
    await sql`
        update pg_index set indisvalid = false
        where indexrelid = ${`${schema}.routes_table_place`}::regclass`;
    assertEquals(await index.state(), "broken");
    await index.create();
    assertEquals(await index.state(), "ready");
    await index.drop();
    assertEquals(await index.state(), "absent");
  }));
