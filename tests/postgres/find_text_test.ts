import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Sql } from "postgres";
import { parseCli } from "../../src/cli/parse.ts";
import { openView, type View } from "../../src/commands/query/columns.ts";
import { rendered } from "../../src/commands/query/rendered.ts";
import { OperationalError } from "../../src/errors.ts";
import { openPostgres } from "../../src/postgres/connect.ts";
import { type Finder, openFinder } from "../../src/postgres/find.ts";
import { EVERYTHING } from "../../src/postgres/search.ts";
import { openProxy, type Proxy } from "../faults/proxy.ts";
import { testSettings, withSchema } from "../support/fixtures.ts";
import { NO_TERMINAL } from "../support/no_terminal.ts";

const SERVER = testSettings(["postgresql.dbname=postgres"]).postgresql;

interface Fixture {
  /** The table with its schema, for statements. */
  table: string;
  sql: Sql;
  finder: Finder;
  /** Between the finder and the server. */
  proxy: Proxy;
  /** Statements of the finder so far. */
  statements: string[];
  /** From now on, the client avoids what a connection pooler does not know. */
  throughPooler(): void;
}

async function withFinder(work: (fixture: Fixture) => Promise<void>): Promise<void> {
  await withSchema(async ({ schema, sql }) => {
    const proxy = await openProxy({ target: SERVER.servers[0]!.port });
    const statements: string[] = [];
    const client = openPostgres(
      { ...SERVER, servers: [{ host: "127.0.0.1", port: proxy.port }] },
      {
        readFile: Deno.readFileSync,
        log: (line) => statements.push(line),
        max: 1,
        readOnly: true,
      },
    );
    const { signal } = new AbortController();
    const finder = openFinder(client, { schema, signal, now: Date.now });
    try {
      const { throughPooler } = client;
      const table = `"${schema}".routes_table`;
      await work({ table, sql, finder, proxy, statements, throughPooler });
    } finally {
      // As commands close it: after a lost connection, postgres.js may wait for it without end.
      await client.sql.end({ timeout: 1 });
      client.cut();
      await proxy.close();
    }
  });
}

/** Rows as another program may write them: numbers of every size, at their limits, and none. */
async function addOddRows({ sql, table }: Fixture): Promise<void> {
  const bits = new DataView(new ArrayBuffer(8));
  const random = () => {
    crypto.getRandomValues(new Uint8Array(bits.buffer));
    return bits.getFloat64(0);
  };
  const odd = [0, -0, 1, -1, 5e-324, -5e-324, 1e-7, 1e-6, 1.5e-5, 9.999e-5, 1e-4, 0.1 + 0.2, 1 / 3]
    .concat([1e14, 999_999_999_999_999, 1e15, 123_456_789_012_345_680, 1e20, 1e21, 1e23, 1e300])
    .concat([NaN, Infinity, -Infinity, 90, -180, 1.5, 100.25, 2 ** 53, 0.000_1234, 12_345.678_901])
    .concat([253_402_300_799.999, 253_402_300_800, 8_640_000_000_000, 8_640_000_000_001])
    .concat([59.9999999, 86_399, 86_400, 951_782_400, 4_107_542_399, 1_700_000_000.000_001, 1e9]);
  const rows = odd.map((
    value,
    i,
  ) => [i % 2 === 0 ? 2_147_483_647 : -2_147_483_648, value, value, -value])
    .concat(Array.from({ length: 500 }, (_, i) => [i, random(), random(), random()]))
    .concat(Array.from({ length: 6_000 }, (_, i) => [
      -i,
      Math.random() * 10 ** (i % 14),
      Math.random() * 180 - 90,
      Math.round(Math.random() * 360e4) / 1e4 - 180,
    ]));
  const column = (i: number) => `{${rows.map((row) => Object.is(row[i], -0) ? "-0" : row[i])}}`;
  await sql.unsafe(
    `insert into ${table} (user_id, timestamp, latitude, longitude)
      select * from unnest($1::int[], $2::float8[], $3::float8[], $4::float8[])`,
    [column(0), column(1), column(2), column(3)],
  );
}

const LINES = [
  "--format csv",
  "--format csv --time unix",
  "--format ndjson",
  "--format ndjson --user-field userId --order user --reverse",
  "--format csv --last",
];

/** The output of both ways, of the one that copies text first. */
async function printBoth(line: string, finder: Finder): Promise<[Output, Output]> {
  const { command } = parseCli(["query", ...line.split(" ")], Date.now());
  const { options } = command as Extract<typeof command, { verb: "query" }>;
  const view = openView(options, NO_TERMINAL);
  assert(view.copy, line);
  const { what, order, reverse } = options;
  const search = { ...EVERYTHING, what, order: order ?? "time", reverse } as typeof EVERYTHING;
  const print = async (copy: View["copy"]) => {
    const output: Output = { rows: 0, notFinite: 0, text: "" };
    for await (const piece of rendered({ ...view, copy }, search, null, finder)) {
      output.rows += piece.found;
      output.notFinite += piece.notFinite;
      output.text += typeof piece.text === "string"
        ? piece.text
        : new TextDecoder().decode(piece.text);
    }
    return output;
  };
  return [await print(view.copy), await print(null)];
}

interface Output {
  rows: number;
  notFinite: number;
  text: string;
}

Deno.test("a format that copies text prints the same bytes as one that reads the numbers", () =>
  withFinder(async (fixture) => {
    await addOddRows(fixture);
    for (const line of LINES) {
      const [copied, read] = await printBoth(line, fixture.finder);
      assertEquals(copied.text.split("\n"), read.text.split("\n"), line);
      assertEquals(copied, read, line);
    }
    fixture.throughPooler();
    const [copied, read] = await printBoth("--format csv", fixture.finder);
    assertEquals(copied, read);
  }));

Deno.test("it does so for columns of other types and without values", () =>
  withFinder(async (fixture) => {
    const { finder, sql, table } = fixture;
    await sql.unsafe(`insert into ${table} (user_id, timestamp, latitude, longitude)
      select i, i * 1e5 + 0.25, i * 0.5, -i from generate_series(1, 100) as i`);
    const alter = (change: string) => sql.unsafe(`alter table ${table} alter ${change}`);
    const changes = [
      "latitude drop not null",
      "longitude type numeric(12, 4)",
      "latitude type real",
      "timestamp type int",
      "user_id type bigint",
    ];
    for (const change of changes) {
      await alter(change);
      if (change.endsWith("null")) {
        await sql.unsafe(`update ${table} set latitude = null where user_id = 7`);
      }
      for (const line of LINES) {
        const [copied, read] = await printBoth(line, finder);
        assertEquals(copied, read, `${line} after ${change}`);
        assertEquals(copied.rows, 100);
      }
    }
    await alter("user_id type text using '7,8'");
    const failure = await assertRejects(() => printBoth(LINES[0]!, finder), OperationalError);
    assertEquals(failure.reason, ['user_id: "7,8"']);
  }));

Deno.test("rows that arrive in pieces of messages are the same rows", () =>
  withFinder(async (fixture) => {
    await addOddRows(fixture);
    for (const sliceBytes of [1_021, 64, 7]) {
      fixture.proxy.down = { sliceBytes };
      const [copied, read] = await printBoth("--format csv", fixture.finder);
      assertEquals(copied, read);
    }
  }));

const MANY = "select 1, i, 60.5, 25.25 from generate_series(1, 30000) as i";

Deno.test("findText() fetches one batch ahead of its reader at most", () =>
  withFinder(async ({ finder, sql, table, statements }) => {
    await sql.unsafe(`insert into ${table} (user_id, timestamp, latitude, longitude) ${MANY}`);
    let [rows, batches] = [0, 0];
    for await (const { count } of finder.findText(EVERYTHING)) {
      rows += count;
      batches++;
      // Its second answer shows that the server had time for more.
      await sql`select`;
      await sql`select`;
      assertEquals(statements.filter((text) => text.includes("fetch")).length, batches + 1);
    }
    assertEquals([rows, batches], [30_000, 6]);
  }));

for (const limitBytes of [5_000, 100_000, 300_003, 999_999]) {
  Deno.test(`findText() fails when the connection breaks after ${limitBytes} bytes`, () =>
    withFinder(async ({ finder, sql, table, proxy }) => {
      await sql.unsafe(`insert into ${table} (user_id, timestamp, latitude, longitude) ${MANY}`);
      proxy.down = { limitBytes };
      let rows = 0;
      await assertRejects(async () => {
        for await (const { count } of finder.findText(EVERYTHING)) rows += count;
      });
      assert(rows < 30_000);
    }));
}

Deno.test("findText() leaves other statements their rows, also when its reader stops early", () =>
  withFinder(async ({ finder, sql, table }) => {
    await sql.unsafe(`insert into ${table} (user_id, timestamp, latitude, longitude) ${MANY}`);
    for await (const _ of finder.findText({ ...EVERYTHING, limit: 20_000 })) break;
    assertEquals(await finder.count(EVERYTHING, null), 30_000);
    const [rows] = await Array.fromAsync(finder.find({ ...EVERYTHING, limit: 1 }));
    assertEquals(rows!.map((row) => [...row]), [[1, 30_000, 60.5, 25.25]]);
  }));
