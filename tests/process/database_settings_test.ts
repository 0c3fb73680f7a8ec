import { assert, assertEquals } from "@std/assert";
import { uniqueName } from "../support/fixtures.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** Runs `work` with a database of its own and the flag that selects it. */
async function withDatabase(
  { sql }: ProgramFixture,
  options: string,
  work: (database: string, flags: string[]) => Promise<void>,
): Promise<void> {
  const database = uniqueName("database");
  await sql.unsafe(`create database ${database} ${options}`);
  try {
    // A name that needs care in statements.
    const schema = "it's a \\";
    await work(database, [`-Xpostgresql.dbname=${database}`, `-Xpostgresql.schema=${schema}`]);
  } finally {
    await sql.unsafe(`drop database ${database} with (force)`);
  }
}

/** Settings of a database that change how values are written, read or compared. */
const SETTINGS: Record<string, string> = {
  array_nulls: "off",
  backslash_quote: "off",
  bytea_output: "escape",
  client_encoding: "LATIN1",
  client_min_messages: "debug1",
  datestyle: "German, DMY",
  default_transaction_isolation: "serializable",
  escape_string_warning: "off",
  extra_float_digits: "-10",
  intervalstyle: "sql_standard",
  quote_all_identifiers: "on",
  row_security: "off",
  search_path: "nowhere",
  standard_conforming_strings: "off",
  timezone: "Asia/Kathmandu",
  transform_null_equals: "on",
};

Deno.test("every command gives the same results whatever the settings of the database are", () =>
  withProgram({ partitions: 2, migrated: false }, async (fixture) => {
    const produced = await fixture.routes([
      "produce",
      "-n",
      "300",
      "--invalid",
      "10",
      "--seed",
      "1",
    ]);
    assertEquals(produced.code, 0, produced.stderr);
    const outputs: string[][] = [];
    for (const settings of [{}, SETTINGS]) {
      await withDatabase(fixture, "", async (database, flags) => {
        for (const [name, value] of Object.entries(settings)) {
          await fixture.sql.unsafe(`alter database ${database} set ${name} = '${value}'`);
        }
        const run = async (line: string) => {
          const ended = await fixture.routes([...line.split(" "), ...flags]);
          assertEquals(ended.code, 0, `${line}: ${ended.stderr}`);
          return ended.stdout;
        };
        await run("migrate");
        await run("check");
        await run("consume --on-reject keep");
        outputs.push([
          await run("verify"),
          await run("query --all --format ndjson"),
          await run("query --summary --format json"),
          await run("query --all --near 60.17,24.94 --radius 5km --format csv"),
          await run("query --all --format geojson"),
          await run("query --all --format svg"),
          await run("query --all --format gpx"),
          await run("query --rejects --all --format json"),
          await run("consume --retry-rejects --json"),
        ]);
      });
    }
    const [usual, changed] = outputs;
    assert(usual!.every((text) => text.length > 20), usual!.join("\n"));
    for (const [i, text] of usual!.entries()) assertEquals(changed![i], text);
  }));
