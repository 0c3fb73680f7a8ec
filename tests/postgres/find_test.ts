import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Sql } from "postgres";
import { records } from "../../src/formats/records.ts";
import { parsePoint } from "../../src/record/point.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { OperationalError } from "../../src/errors.ts";
import { openFinder } from "../../src/postgres/find.ts";
import { EVERYTHING, type Search } from "../../src/postgres/search.ts";
import { testSettings, withSchema } from "../support/fixtures.ts";

const SERVER = testSettings(["postgresql.dbname=postgres"]).postgresql;

const NOW_S = 1_800_000_000;

type Fix = [user: number, time: number, latitude: number, longitude: number];

const everything: Search = { ...EVERYTHING, gapS: 1800 };

interface FinderFixture {
  /** For filling the tables. */
  sql: Sql;
  schema: string;
  add(...fixes: Fix[]): Promise<void>;
  /** All rows of a search, on a session that can only read. */
  find(search?: Partial<Search>): Promise<unknown[][]>;
  count(search?: Partial<Search>, max?: number | null): Promise<number>;
  open(options?: ReaderOptions): Reader;
}
interface ReaderOptions {
  statementTimeoutMs?: number;
  signal?: AbortSignal;
  log?: (line: string) => void;
}
type Reader = ReturnType<typeof openFinder> & { sql: Sql; close(): Promise<void> };

/** Runs with migrated tables in a schema of its own. */
async function withFinder(work: (fixture: FinderFixture) => Promise<void>): Promise<void> {
  await withSchema(async ({ schema, sql }) => {
    const open: FinderFixture["open"] = ({ signal, log, ...settings } = {}) => {
      const { sql, tap } = openPostgres(
        { ...SERVER, ...settings },
        { readFile: () => new Uint8Array(), log: log ?? null, max: 1, readOnly: true },
      );
      const finder = openFinder({ sql, tap }, {
        schema,
        signal: signal ?? new AbortController().signal,
        now: () => NOW_S * 1000,
      });
      return {
        ...finder,
        sql,
        // As commands close it: after a lost connection, postgres.js may wait for it without end.
        close: () => sql.end({ timeout: 1 }),
      };
    };
    const reader = open();
    try {
      await work({
        sql,
        schema,
        open,
        add: async (...fixes) => {
          const column = (i: number) => `{${fixes.map((fix) => fix[i])}}`;
          await sql`
            insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
            select * from unnest(${column(0)}::int[], ${column(1)}::float8[], ${
            column(2)
          }::float8[],
              ${column(3)}::float8[])`;
        },
        find: (search) => gather(reader.find({ ...everything, ...search })),
        count: (search, max = null) => reader.count({ ...everything, ...search }, max),
      });
    } finally {
      await reader.close();
    }
  });
}

async function gather(batches: AsyncIterable<unknown[][]>): Promise<unknown[][]> {
  const rows = [];
  for await (const batch of batches) rows.push(...batch.map((row) => [...row]));
  return rows;
}

const users = (rows: unknown[][]) => rows.map(([user]) => user);
const times = (rows: unknown[][]) => rows.map(([, time]) => time);

Deno.test("find() returns nothing from empty tables", () =>
  withFinder(async ({ find, count }) => {
    for (const what of ["points", "last", "summary", "rejects"] as const) {
      assertEquals(await find({ what }), [], what);
      assertEquals(await count({ what }), 0, what);
    }
  }));

Deno.test("find() gives the user of a bigint column as a number, and refuses text", () =>
  withFinder(async ({ add, find, sql, schema }) => {
    await add([7, 100, 1, 2]);
    const alter = (type: string) =>
      sql.unsafe(`alter table "${schema}".routes_table alter user_id type ${type}`);
    await alter("bigint");
    for (const what of ["points", "last", "summary"] as const) {
      assertEquals(users(await find({ what })), [7], what);
    }
    await alter("text");
    await sql.unsafe(`update "${schema}".routes_table set user_id = '1</name><script>'`);
    const failure = await assertRejects(() => find(), OperationalError);
    assertEquals(failure.reason, ['user_id: "1</name><script>"']);
  }));

Deno.test("find() includes since and excludes until", () =>
  withFinder(async ({ add, find }) => {
    await add([1, 99.999, 0, 0], [1, 100, 0, 0], [1, 199.999, 0, 0], [1, 200, 0, 0]);
    assertEquals(times(await find({ since: 100, until: 200 })), [199.999, 100]);
    assertEquals(times(await find({ since: 100 })), [200, 199.999, 100]);
    assertEquals(times(await find({ until: 100 })), [99.999]);
  }));

Deno.test("find() keeps the newest fixes of all users in tracks with a limit, and the oldest in reverse", () =>
  withFinder(async ({ add, find, count, open }) => {
    // User 1 has the oldest fixes and user 3 the newest; some are older than every window.
    const steps = Array.from({ length: 30 }, (_, i): Fix => [1 + (i % 3), 0, 60, i / 10]);
    await add(
      ...steps.map(([user, , north, east], i): Fix => [user, NOW_S - 2 ** (30 - i), north, east]),
    );
    for (const what of ["rows at any place", "rows near a place"]) {
      const near = what === "rows near a place"
        ? { latitude: 60, longitude: 1, radiusM: 500_000 }
        : null;
      const fixes = (search: Partial<Search>) => find({ near, ...search });
      for (const limit of [1, 4, 10, 30, 100]) {
        for (const reverse of [false, true]) {
          const kept = await fixes({ order: "time", reverse, limit });
          const sorted = kept.toSorted((a, b) =>
            (Number(a[0]) - Number(b[0]) || Number(a[1]) - Number(b[1])) * (reverse ? -1 : 1)
          );
          assertEquals(await fixes({ order: "tracks", reverse, limit }), sorted, what);
        }
      }
    }
    assertEquals(await count({ order: "tracks", limit: 4 }), 30);
    const finder = open();
    try {
      const extent = await finder.extent({ ...everything, order: "tracks", limit: 4 });
      assertEquals([extent!.fixes, extent!.box.west, extent!.box.east], [4, 2.6, 2.9]);
    } finally {
      await finder.close();
    }
  }));

Deno.test("find() gives the newest rows of every age, also those in the future, as without a limit", () =>
  withFinder(async ({ add, find }) => {
    // Negative ages are in the future.
    const ages = [
      -1e6,
      -5,
      0,
      1,
      59,
      60,
      61,
      480,
      3_000,
      3e5,
      3e5,
      1e7,
      1e8,
      1e9,
      1.79e9,
      1.8e9,
      1.9e9,
    ];
    await add(...ages.map((age, i): Fix => [i % 3, NOW_S - age, i, 0]));
    const filters: Partial<Search>[] = [
      {},
      { users: [[1, 1]] },
      { since: NOW_S - 1e8 },
      { until: NOW_S - 50 },
      { until: NOW_S - 3e5, since: 5 },
    ];
    for (const filter of filters) {
      const all = await find(filter);
      for (let limit = 0; limit <= ages.length + 1; limit++) {
        assertEquals(await find({ ...filter, limit }), all.slice(0, limit), `${limit}`);
      }
    }
  }));

Deno.test("find() gives the last row of each user, with every filter", () =>
  withFinder(async ({ add, find }) => {
    await add(
      ...[-7, 0, 3, 9].flatMap((user) =>
        [1, 2, 3, 4].map((time): Fix => [user, time * 10 + user, user + time, 0])
      ),
    );
    const filters: Partial<Search>[] = [
      {},
      { users: [[0, 3], [-7, -7]] },
      { users: [[4, 8]] },
      { until: 35 },
      { since: 20, until: 30 },
      { bbox: { west: -1, east: 1, south: 0, north: 6 } },
    ];
    for (const filter of filters) {
      const points = await find({ ...filter, order: "user" });
      const last = new Map(points.map((row) => [row[0], row]));
      const expected = [...last.values()];
      assertEquals(await find({ ...filter, what: "last", order: "user" }), expected);
    }
  }));

Deno.test("find() accepts single users and inclusive ranges of users", () =>
  withFinder(async ({ add, find }) => {
    await add(...[-3, 1, 2, 3, 5, 7, 9, 10].map((user): Fix => [user, 1, 0, 0]));
    const cases: [NonNullable<Search["users"]>, number[]][] = [
      [[[7, 7]], [7]],
      [[[1, 1], [2, 2], [5, 9]], [1, 2, 5, 7, 9]],
      [[[5, 9]], [5, 7, 9]],
      [[[-5, -1]], [-3]],
      [[[4, 4]], []],
      [[[-2_147_483_648, 2_147_483_647]], [-3, 1, 2, 3, 5, 7, 9, 10]],
    ];
    for (const [ranges, expected] of cases) {
      assertEquals(users(await find({ users: ranges, order: "user" })), expected);
    }
    // The users must be combined with the other conditions by AND.
    assertEquals(await find({ users: [[1, 1], [5, 9]], since: 2 }), []);
  }));

Deno.test("find() includes the edges of a box, also of one that crosses 180°", () =>
  withFinder(async ({ add, find }) => {
    await add(
      [1, 1, 10, 20],
      [2, 1, 5, 15],
      [3, 1, 10.0001, 20],
      [4, 1, 0, 179.5],
      [5, 1, 0, -179.5],
      [6, 1, 0, 180],
      [7, 1, 0, -180],
      [8, 1, 0, 0],
    );
    const cases: [Search["bbox"] & object, number[]][] = [
      [{ west: 15, south: 5, east: 20, north: 10 }, [1, 2]],
      [{ west: 179, south: -1, east: -179, north: 1 }, [4, 5, 6, 7]],
      [{ west: 179, south: -1, east: 180, north: 1 }, [4, 6, 7]],
      [{ west: -180, south: -1, east: -179, north: 1 }, [5, 6, 7]],
      [{ west: 180, south: -1, east: -179.9, north: 1 }, [6, 7]],
      [{ west: -180, south: -90, east: 180, north: 90 }, [1, 2, 3, 4, 5, 6, 7, 8]],
    ];
    for (const [bbox, expected] of cases) {
      assertEquals(users(await find({ bbox, order: "user" })), expected, JSON.stringify(bbox));
    }
  }));

Deno.test("find() measures distances on the sphere, over poles and across 180°", () =>
  withFinder(async ({ add, find }) => {
    const degree = 6_371_008.8 * Math.PI / 180;
    await add(
      [1, 1, 89.5, 0],
      [2, 1, 89.5, 180],
      [3, 1, 90, 77],
      [4, 1, 0.25, 179.75],
      [5, 1, 0, -179.75],
      [6, 1, 60.1699, 24.9384],
      [7, 1, 59.4370, 24.7536],
      [8, 1, -0.5, 0],
    );
    const cases: [place: [number, number], radiusM: number, expected: [number, number][]][] = [
      [[89.5, 0], degree + 1, [[1, 0], [3, degree / 2], [2, degree]]],
      [[89.5, 0], degree - 1, [[1, 0], [3, degree / 2]]],
      [[0, 180], degree / 4 + 1, [[5, degree / 4]]],
      [[0, -180], degree, [[5, degree / 4], [4, degree * Math.SQRT2 / 4]]],
      // Helsinki to Tallinn.
      [[60.1699, 24.9384], 100_000, [[6, 0], [7, 82_120]]],
      [[60.1699, 24.9384], 0, [[6, 0]]],
      [[0, 0], degree / 2, [[8, degree / 2]]],
    ];
    for (const [[latitude, longitude], radiusM, expected] of cases) {
      const near = { latitude, longitude, radiusM };
      const rows = await find({ near, order: "distance" });
      const label = JSON.stringify(near);
      assertEquals(users(rows), expected.map(([user]) => user), label);
      rows.forEach((row, i) => assertAlmostEquals(row[4] as number, expected[i]![1], 100, label));
    }
    const system = { latitude: 12, longitude: 34, radiusM: 30_000_000 };
    assertEquals((await find({ near: system })).length, 8);
  }));

Deno.test("find() with near finds the same rows as a scan of every row", () =>
  withFinder(async ({ sql, schema, find }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
      select g, g, asin(2 * (g * 0.618034 - floor(g * 0.618034)) - 1) * 180 / pi(),
        360 * (g * 0.754878 - floor(g * 0.754878)) - 180
      from generate_series(1, 3000) as g`;
    const all = await find();
    let found = 0;
    const places = [[0, 0], [0, 179.9], [85, -179], [-89, 10], [90, 0], [45, -45], [-60, 180]];
    for (const [latitude, longitude] of places as [number, number][]) {
      for (const radiusM of [200_000, 1_000_000, 5_000_000, 12_000_000]) {
        const near = { latitude, longitude, radiusM };
        const expected = all.filter(([, , lat, lon]) =>
          haversine(latitude, longitude, lat as number, lon as number) <= radiusM
        );
        found += expected.length;
        assertEquals(users(await find({ near })), users(expected), JSON.stringify(near));
      }
    }
    assert(found > 10_000);
  }));

function haversine(lat1: number, lon1: number, lat2: number, lon2: number): number {
  const radians = (degrees: number) => degrees * Math.PI / 180;
  const [a, b] = [radians(lat1), radians(lat2)];
  // The spherical law of cosines: a different formula from the program's.
  const cosine = Math.sin(a) * Math.sin(b) +
    Math.cos(a) * Math.cos(b) * Math.cos(radians(lon2 - lon1));
  return 6_371_008.8 * Math.acos(Math.max(-1, Math.min(1, cosine)));
}

Deno.test("find() orders by time, user and distance deterministically, and exactly reversed with reverse", () =>
  withFinder(async ({ sql, schema, add, find }) => {
    // Rows that tie in every sort key come from other programs, stored in any order.
    const fixes: Fix[] = [];
    for (const user of [3, 1, 2]) {
      for (const time of [20, 10, 20]) {
        for (const place of [2, 1]) fixes.push([user, time, place, place]);
      }
    }
    await add(...fixes);
    const near = { latitude: 0, longitude: 0, radiusM: 1_000_000 };
    const orders = ["time", "user", "distance"] as const;
    const before: unknown[][][] = [];
    for (const order of orders) before.push(await find({ order, near }));
    // An update of every other row moves it to another place in the table.
    await sql`update ${sql(`${schema}.routes_table`)} set user_id = user_id where latitude = 1`;
    await sql`vacuum full ${sql(`${schema}.routes_table`)}`;
    for (const [i, order] of orders.entries()) {
      const rows = await find({ order, near });
      assertEquals(rows.length, 18);
      assertEquals(rows, before[i], order);
      assertEquals(await find({ order, near, reverse: true }), rows.toReversed(), order);
      assertEquals(await find({ order, near, limit: 5 }), rows.slice(0, 5), order);
    }
    const [byTime, byUser, byDistance] = before as [unknown[][], unknown[][], unknown[][]];
    assertEquals(times(byTime).slice(0, 13), [...Array(12).fill(20), 10]);
    assertEquals(users(byTime).slice(0, 5), [1, 1, 1, 1, 2]);
    assertEquals(users(byUser).slice(0, 7), [1, 1, 1, 1, 1, 1, 2]);
    assertEquals(times(byUser).slice(0, 6), [10, 10, 20, 20, 20, 20]);
    assertEquals(byDistance.slice(0, 9).every(([, , latitude]) => latitude === 1), true);
  }));

Deno.test("find() breaks ties of time by offset, the latest first", () =>
  withFinder(async ({ sql, schema, find }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)}
      select 7, 100, g, 0, 1, g from generate_series(1, 9) as g order by g * 7 % 10`;
    const latitudes = (rows: unknown[][]) => rows.map(([, , latitude]) => latitude);
    assertEquals(latitudes(await find()), [9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assertEquals(latitudes(await find({ order: "user" })), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assertEquals(latitudes(await find({ what: "last" })), [9]);
  }));

Deno.test("find() of the last fixes returns the newest fix of each user that passes the filters", () =>
  withFinder(async ({ add, find, count }) => {
    await add([1, 10, 1, 1], [1, 30, 3, 3], [1, 20, 2, 2], [2, 15, 9, 9], [3, 40, 9, 9]);
    assertEquals(await find({ what: "last" }), [[3, 40, 9, 9], [1, 30, 3, 3], [2, 15, 9, 9]]);
    assertEquals(await find({ what: "last", until: 25, order: "user" }), [
      [1, 20, 2, 2],
      [2, 15, 9, 9],
    ]);
    // User 1 has left this place, and user 3 was never there.
    const near = { latitude: 1.5, longitude: 1.5, radiusM: 80_000 };
    const there = await find({ what: "last", near });
    assertEquals(there.map((row) => row.slice(0, 4)), [[1, 20, 2, 2]]);
    assertEquals(await count({ what: "last" }), 3);
  }));

Deno.test("find() of the summary counts, measures and frames each user's track", () =>
  withFinder(async ({ add, find, count }) => {
    const degree = 6_371_008.8 * Math.PI / 180;
    // Unordered: a track is ordered by time.
    await add([1, 30, 2, 0], [1, 10, 0, 0], [1, 20, 1, 0]);
    await add([2, 100, 5, 6]);
    await add([3, 10, 0, 179], [3, 20, 0, -179], [3, 30, 1, -179]);
    await add([4, 10, -1, -170], [4, 20, 0, -175]);
    const rows = await find({ what: "summary", order: "user" });
    const metres = rows.map((row) => row[4] as number);
    const without = rows.map((row) => row.toSpliced(4, 2));
    assertEquals(rows.map((row) => row[5]), [20, 0, 20, 10]);
    assertEquals(without, [
      [1, 3, 10, 30, 0, 0, 0, 2],
      [2, 1, 100, 100, 6, 5, 6, 5],
      [3, 3, 10, 30, 179, 0, -179, 1],
      [4, 2, 10, 20, -175, -1, -170, 0],
    ]);
    assertAlmostEquals(metres[0]!, 2 * degree, 1);
    assertEquals(metres[1], 0);
    assertAlmostEquals(metres[2]!, 3 * degree, 1);
    assertEquals(users(await find({ what: "summary", order: "time" })), [2, 1, 3, 4]);
    assertEquals(users(await find({ what: "summary", order: "user", reverse: true })), [
      4,
      3,
      2,
      1,
    ]);
    assertEquals(await count({ what: "summary" }), 4);
    assertEquals((await find({ what: "summary", since: 20, users: [[1, 1]] }))[0]![1], 2);
  }));

Deno.test("find() of the summary counts neither the way nor the time of a pause", () =>
  withFinder(async ({ add, find }) => {
    const degree = 6_371_008.8 * Math.PI / 180;
    await add([1, 0, 0, 0], [1, 60, 1, 0], [1, 1_860, 5, 0], [1, 3_661, 7, 0], [1, 3_671, 8, 0]);
    const measured = async (gapS: number) => {
      const [row] = await find({ what: "summary", order: "user", gapS });
      return [Math.round(row![4] as number / degree), row![5]];
    };
    // A pause as long as the gap is none.
    assertEquals(await measured(1_800), [6, 1_870]);
    assertEquals(await measured(1_799), [2, 70]);
    assertEquals(await measured(86_400), [8, 3_671]);
  }));

Deno.test("find() measures between coordinates that are too small to be multiplied", () =>
  withFinder(async ({ add, find }) => {
    await add([1, 1, 5e-324, 1e-200], [1, 2, -1e-310, -5e-324], [1, 3, 0, 0], [2, 1, 90, 1e-200]);
    const summary = await find({ what: "summary", order: "user" });
    assertEquals(summary.map((row) => row.slice(0, 5)), [[1, 3, 1, 3, 0], [2, 1, 1, 1, 0]]);
    for (const latitude of [0, 5e-324, 1e-200]) {
      const near = { latitude, longitude: -5e-324, radiusM: 1 };
      const found = await find({ near, order: "distance" });
      assertEquals(found.map((row) => row[4]), [0, 0, 0]);
    }
  }));

Deno.test("find() leaves coordinates that are not finite out of distances", () =>
  withFinder(async ({ add, find }) => {
    const rest: Fix[] = [[2, 1, NaN, 0], [3, 1, 0, Infinity], [3, 2, -Infinity, 0]];
    await add(
      [1, 1, 0, 0],
      [1, 2, NaN, 0],
      [1, 3, 0, Infinity],
      [1, 4, 1, 0],
      [1, 5, 1, 0],
      ...rest,
    );
    const summary = await find({ what: "summary", order: "user" });
    assertEquals(summary.map((row) => [row[0], row[1], row[4]]), [[1, 5, 0], [2, 1, null], [
      3,
      2,
      null,
    ]]);
    const near = { latitude: 0, longitude: 0, radiusM: 200_000 };
    assertEquals((await find({ near })).length, 3);
    assertEquals((await find()).length, 8);
  }));

Deno.test("find() of rejects returns place, time, reason and the exact bytes", () =>
  withFinder(async ({ sql, schema, find, count }) => {
    const table = (name: string) => sql(`${schema}.${name}`);
    await sql`
      insert into ${
      table("routes_sources")
    } (cluster_id, topic, partition, start_offset, next_offset)
      values ('c', 'routes', 0, 0, 9), ('c', 'routes', 1, 0, 9)`;
    const value = Buffer.from([0xff, 0x00, 0x41]);
    await sql`
      insert into ${
      table("routes_rejects")
    } (source_id, source_offset, record_time, key, headers, value, code, path, message)
      select id, partition + 5000000000, to_timestamp(1732431234.567 + partition), 'k'::bytea,
        '[{"key":"a","value":"1"},{"key":"b","value":null}]', ${value}::bytea,
        case partition when 0 then 'utf8' else 'json' end, '', 'no'
      from ${table("routes_sources")}`;
    const row = (partition: number) => [
      "routes",
      partition,
      5_000_000_000 + partition,
      1732431234.567 + partition,
      partition === 0 ? "utf8" : "json",
      "",
      "no",
      Buffer.from("k"),
      "a=1 b=",
      value,
    ];
    assertEquals(await find({ what: "rejects" }), [row(1), row(0)]);
    assertEquals(await find({ what: "rejects", codes: ["utf8", "size"] }), [row(0)]);
    assertEquals(await find({ what: "codes" }), [
      ["json", 1, 1732431235.567, 1732431235.567],
      ["utf8", 1, 1732431234.567, 1732431234.567],
    ]);
    assertEquals((await find({ what: "codes", codes: ["json"] })).length, 1);
    assertEquals(await find({ what: "rejects", reverse: true }), [row(0), row(1)]);
    assertEquals(await find({ what: "rejects", since: 1732431235 }), [row(1)]);
    assertEquals(await find({ what: "rejects", until: 1732431235 }), [row(0)]);
    assertEquals(await count({ what: "rejects" }), 2);
  }));

Deno.test("count() ignores the limit of the search and stops at its own", () =>
  withFinder(async ({ add, count }) => {
    await add(...Array.from({ length: 50 }, (_, i): Fix => [i, i, 0, 0]));
    assertEquals(await count({ limit: 3 }), 50);
    assertEquals(await count({ since: 10, until: 30 }), 20);
    assertEquals(await count({}, 7), 7);
    const near = { latitude: 0, longitude: 0, radiusM: 1 };
    assertEquals(await count({ near, order: "distance" }), 50);
  }));

Deno.test("extent() is the narrower bounding box of the fixes of a search", () =>
  withFinder(async ({ add, open }) => {
    const { extent, close } = open();
    try {
      assertEquals(await extent({ ...everything, order: "user" }), null);
      await add([1, 5, -10, 179], [1, 7, 20, -178], [2, 3, 0, 180], [3, 9, 60, 24], [4, 1, 99, 0]);
      const islands = await extent({ ...everything, users: [[1, 2]] });
      assertEquals(islands, {
        fixes: 3,
        users: 2,
        first: 3,
        last: 7,
        box: { west: 179, south: -10, east: -178, north: 20 },
      });
      // Respects the limit and ignores fixes with invalid coordinates.
      const { box, ...one } = (await extent({ ...everything, order: "user", limit: 1 }))!;
      assertEquals([one.fixes, one.users, box.west, box.east], [1, 1, 179, 179]);
      assertEquals(await extent({ ...everything, users: [[4, 4]] }), null);
      const near = { latitude: 60, longitude: 24, radiusM: 1000 };
      assertEquals((await extent({ ...everything, near }))!.box.north, 60);
    } finally {
      await close();
    }
  }));

Deno.test("written() is a statement with the same result as find() and count()", () =>
  withFinder(async ({ add, find, count, open }) => {
    await add([-5, 100, -33.9, 151.2], [7, 200, 60, 24], [7, 300, -33.9, -180], [8, 0.5, 1, 2]);
    const { sql, written, close } = open();
    const near = { latitude: -33.9, longitude: 151.2, radiusM: 30_000_000 };
    const searches: Partial<Search>[] = [
      {},
      { near, order: "distance" },
      { users: [[-2147483648, -1], [7, 7]], since: 0.25, until: 250, reverse: true, limit: 2 },
      { bbox: { west: -180, south: -90, east: -100, north: 0 } },
      { what: "last", bbox: { west: 100, south: -90, east: -100, north: 90 } },
      { what: "rejects", since: 1 },
    ];
    try {
      for (const search of searches) {
        const whole = { ...everything, ...search };
        const rows = await sql.unsafe(written(whole, "rows")).values();
        assertEquals([...rows].map((row) => [...row]), await find(search), written(whole, "rows"));
        const [total] = await sql.unsafe(written(whole, "count")).values();
        assertEquals(Number(total![0]), await count(search));
      }
      const [summary] = await sql.unsafe(
        written({ ...everything, what: "summary", order: "user" }, "rows"),
      );
      assertEquals([summary!.user_id, summary!.fixes], [-5, 1]);
    } finally {
      await close();
    }
  }));

Deno.test("find() returns floats exact to the last bit, so that ndjson is the record again", () =>
  withFinder(async ({ add, open }) => {
    const bits = new DataView(new ArrayBuffer(8));
    const fixes: Fix[] = [
      [1, 0, 5e-324, -5e-324],
      [-2_147_483_648, 1e-7, -90, 180],
      [2_147_483_647, 253_402_300_799.99997, 90, -180],
      [0, 1732431234.567, 0.1 + 0.2, 2.2250738585072014e-308],
      [1, 1e-310, 1.7976931348623157e-300, 1 / 3],
    ];
    while (fixes.length < 2_000) {
      crypto.getRandomValues(new Uint8Array(bits.buffer));
      const [random, scale] = [Math.random(), bits.getFloat64(0)];
      const tiny = Math.abs(scale) <= 90 ? scale : 1 / scale;
      if (!(Math.abs(tiny) <= 90)) continue;
      fixes.push([fixes.length, random * 2e9, tiny, random * 360 - 180]);
    }
    await add(...fixes);
    await add([77, -0, -0, -0]);
    const { find, sql: reading, close } = open();
    // A server may be configured to round floats to 15 digits.
    await reading`set extra_float_digits = 0`;
    const rows = await gather(find({ ...everything, order: "user" }));
    await close();
    const lines = records().rows(rows as number[][]).trimEnd().split("\n");
    const back = lines.map((line) => {
      const parsed = parsePoint(JSON.parse(line));
      if (!parsed.ok) throw new Error(`${parsed.path} ${parsed.reason}: ${line}`);
      const { userID, timestamp, coordinates } = parsed.point;
      return [userID, timestamp, ...coordinates];
    });
    const expected = [...fixes, [77, 0, 0, 0]].sort(([a, b], [c, d]) => a! - c! || b! - d!);
    assertEquals(back.length, expected.length);
    // Compared as text: assertEquals() also distinguishes 0 and -0, but shows less about where they differ.
    assertEquals(back.map(hexes), expected.map(hexes));
  }));

function hexes(row: number[]): string {
  return row.map((value) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return view.getBigUint64(0).toString(16);
  }).join(" ");
}

Deno.test("find() reads 200 000 rows in batches, one ahead of its reader at most", () =>
  withFinder(async ({ sql, schema, open }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
      select g % 100, g, 60, 25 from generate_series(1, 200000) as g`;
    let fetched = 0;
    const { find, close } = open({ log: (line) => fetched += Number(line.includes("fetch")) });
    let [count, batches] = [0, 0];
    for await (const batch of find(everything)) {
      batches++;
      assertEquals(batch[0]![1], 200_000 - count);
      count += batch.length;
      assertEquals(batch.length, 5_000);
      // Leaves time for further batches to arrive.
      if (batches <= 3) await new Promise((resolve) => setTimeout(resolve, 50));
      assertEquals(fetched, batches + 1);
    }
    await close();
    assertEquals(count, 200_000);
  }));

Deno.test("find() survives a reader that pauses for longer than statement_timeout", () =>
  withFinder(async ({ sql, schema, open }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
      select 1, g, 60, 25 from generate_series(1, 20000) as g`;
    const { find, close } = open({ statementTimeoutMs: 400 });
    let count = 0;
    for await (const batch of find(everything)) {
      if (count === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
      count += batch.length;
    }
    await close();
    assertEquals(count, 20_000);
  }));

Deno.test("find() throws when the connection breaks while its reader pauses", () =>
  withFinder(async ({ sql, schema, open }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
      select 1, g, 60, 25 from generate_series(1, 20000) as g`;
    const { find, sql: reading, close } = open();
    const [session] = await reading`select pg_backend_pid() as pid`;
    let count = 0;
    await assertRejects(async () => {
      for await (const batch of find(everything)) {
        count += batch.length;
        await sql`select pg_terminate_backend(${session!.pid})`;
        // Long enough for the connection error to arrive before the next read.
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    });
    await close();
    assert(count < 20_000);
  }));

Deno.test("find() leaves the session usable when its reader stops early", () =>
  withFinder(async ({ sql, schema, open }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
      select 1, g, 60, 25 from generate_series(1, 20000) as g`;
    const { find, count, sql: reading, close } = open();
    for await (const _ of find(everything)) break;
    assertEquals(await count(everything, null), 20_000);
    assertEquals(await gather(find({ ...everything, limit: 1 })), [[1, 20_000, 60, 25]]);
    const [state] = await reading.unsafe("select now() = statement_timestamp() as outside");
    assertEquals(state!.outside, true);
    await assertRejects(
      async () => await reading`create table ${reading(`${schema}.t`)} ()`,
      Error,
      "read-only",
    );
    await close();
  }));

Deno.test("find() is cancelled by its signal while the server still works", () =>
  withFinder(async ({ sql, schema, open }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
      select 1, g, 60, 25 from generate_series(1, 1000) as g`;
    // A view that never finishes simulates a big table.
    await sql.unsafe(`
      alter table ${schema}.routes_table rename to slow;
      create view ${schema}.routes_table as select * from ${schema}.slow where pg_sleep(0.1) is not null`);
    const stop = new AbortController();
    const { find, count, close } = open({ signal: stop.signal });
    const found = gather(find(everything));
    setTimeout(() => stop.abort(), 200);
    await assertRejects(() => found, Error, "canceling statement due to user request");
    await assertRejects(() => count(everything, null));
    await close();
  }));

Deno.test("find() is stopped by its signal while its reader pauses", () =>
  withFinder(async ({ sql, schema, open }) => {
    await sql`
      insert into ${sql(`${schema}.routes_table`)} (user_id, timestamp, latitude, longitude)
      select 1, g, 60, 25 from generate_series(1, 20000) as g`;
    const stop = new AbortController();
    const { find, close } = open({ signal: stop.signal });
    let count = 0;
    for await (const batch of find(everything)) {
      count += batch.length;
      stop.abort();
      await new Promise((resolve) => setTimeout(resolve, 50));
      break;
    }
    await close();
    assertEquals(count, 5_000);
  }));

Deno.test("find() adds the partition and offset of a fix, and none where another program wrote it", () =>
  withFinder(async ({ sql, schema, add, find }) => {
    const table = (name: string) => sql(`${schema}.${name}`);
    await add([1, 10, 1.5, 2.5], [1, 20, 1.5, 2.5]);
    await sql`
      insert into ${
      table("routes_sources")
    } (cluster_id, topic, partition, start_offset, next_offset)
      values ('c', 'routes', 7, 0, 9)`;
    await sql`
      update ${table("routes_table")} set source_offset = 5000000001,
        source_id = (select id from ${table("routes_sources")}) where timestamp = 20`;
    const expected = [[1, 20, 1.5, 2.5, 7, 5_000_000_001], [1, 10, 1.5, 2.5, null, null]];
    assertEquals(await find({ withOrigin: true }), expected);
    const near = { latitude: 1.5, longitude: 2.5, radiusM: 1 };
    assertEquals(await find({ withOrigin: true, near, what: "last" }), [
      [1, 20, 1.5, 2.5, 0, 7, 5_000_000_001],
    ]);
  }));
