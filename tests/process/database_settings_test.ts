import { assert, assertEquals, assertMatch } from "@std/assert";
import { openPostgres } from "../../src/postgres/connect.ts";
import { script, withChecksums } from "../../src/postgres/migrate.ts";
import { migrations } from "../../src/postgres/migrations/mod.ts";
import { testSettings, uniqueName } from "../support/fixtures.ts";
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

/** A reject that LATIN1 cannot store: the reason quotes the euro sign. */
const EURO = '{"userID":"€"}\n';

const template = "template template0 locale 'C'";

Deno.test("a database in LATIN1 is refused by migrate and check, and consume names the fault", () =>
  withProgram({ migrated: false }, async (fixture) => {
    const { kafka, topic } = fixture;
    await withDatabase(fixture, `encoding 'LATIN1' ${template}`, async (_, flags) => {
      const refused =
        /database "\w+" has encoding LATIN1, which cannot store every record\n.*fix: set .*\n.*fix: routes migrate .*--create-database/;
      for (const command of ["migrate", "check"]) {
        const { code, stdout, stderr } = await fixture.routes([command, ...flags]);
        assertEquals(code, 78, stderr);
        assertMatch(stdout + stderr, refused);
      }
      // As a version of the program did that did not look at the encoding.
      const [dbname] = flags.map((flag) => flag.slice(2));
      const { sql } = openPostgres(testSettings([dbname!]).postgresql, {
        readFile: Deno.readFileSync,
        log: null,
        max: 1,
      });
      for (const migration of withChecksums(migrations)) {
        await sql.unsafe(script("it's a \\", migration)).simple();
      }
      await sql.end();
      await send(kafka, topic, EURO);
      const { code, stderr } = await fixture.routes(["consume", ...flags]);
      assertEquals(code, 78, stderr);
      assertMatch(stderr, /the encoding of database "\w+" lacks a character\n/);
    });
  }));

Deno.test("a database in SQL_ASCII keeps every character", () =>
  withProgram({ migrated: false }, async (fixture) => {
    await send(fixture.kafka, fixture.topic, EURO);
    await withDatabase(fixture, `encoding 'SQL_ASCII' ${template}`, async (_, flags) => {
      for (const command of ["migrate", "check", "consume", "verify"]) {
        const { code, stderr } = await fixture.routes([command, ...flags]);
        assertEquals(code, 0, `${command}: ${stderr}`);
      }
      const { stdout } = await fixture.routes(["query", "--rejects", "--format", "json", ...flags]);
      assertMatch(stdout, /found \\"€\\"/);
    });
  }));

async function send(kafka: ProgramFixture["kafka"], topic: string, value: string): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ value }] });
  await producer.disconnect();
}
