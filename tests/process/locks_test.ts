import { assert, assertEquals } from "@std/assert";
import { uniqueName } from "../support/fixtures.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** Runs a command while another session locks `routes_table`, and fails unless it names that session. */
async function runLocked({ sql, schema, start }: ProgramFixture, args: string[]): Promise<void> {
  const run = await sql.begin(async (session) => {
    await session.unsafe(`lock table "${schema}".routes_table in access exclusive mode`);
    const [row] = await session`select pg_backend_pid() as pid`;
    const startedMs = performance.now();
    const run = start(args);
    await run.said(
      new RegExp(
        `^warning: PostgreSQL: another session holds a lock on routes_table \\(pid ${row!.pid}\\)$`,
        "m",
      ),
    );
    const seconds = (performance.now() - startedMs) / 1000;
    assert(seconds < 10, `${args} named the lock after ${seconds} s`);
    return run;
  });
  const { code, stderr } = await run.ended;
  assertEquals(code, 0, stderr);
  assertEquals(stderr.split("holds a lock").length, 2, stderr);
}

Deno.test("a lock on routes_table is named by every command that waits for it, and each goes on afterwards", () =>
  withProgram({}, async (fixture) => {
    assertEquals((await fixture.routes(["produce", "-n", "50", "--invalid", "10"])).code, 0);
    await runLocked(fixture, ["consume"]);
    await runLocked(fixture, ["verify"]);
    await runLocked(fixture, ["query", "--summary"]);
    await runLocked(fixture, ["query", "--total"]);
    await runLocked(fixture, ["consume", "--replay", "earliest", "--yes"]);
  }));

Deno.test("a lock on the table of the original program is named by migrate", () =>
  withProgram({ migrated: false }, async (fixture) => {
    await fixture.sql.unsafe(`create schema "${fixture.schema}"`);
    await fixture.sql.unsafe(`create table "${fixture.schema}".routes_table
      (user_id int, timestamp float, latitude float, longitude float)`);
    await runLocked(fixture, ["migrate"]);
  }));

Deno.test("verify, query, migrate and check work with a single connection", () =>
  withProgram({ partitions: 3 }, async (fixture) => {
    const { sql, schema, routes } = fixture;
    assertEquals((await routes(["produce", "-n", "900", "--invalid", "10"])).code, 0);
    assertEquals((await routes(["consume"])).code, 0);
    const user = uniqueName("user");
    await sql.unsafe(`
      create role ${user} login connection limit 1;
      grant usage, create on schema "${schema}" to ${user};
      grant all on all tables in schema "${schema}" to ${user}`);
    try {
      for (const args of [["verify"], ["query", "--summary"], ["migrate"], ["check"]]) {
        const { code, stderr } = await routes([...args, "-X", `postgresql.user=${user}`]);
        assertEquals(code, 0, `${args}: ${stderr}`);
      }
    } finally {
      await sql.unsafe(`drop owned by ${user}; drop role ${user}`);
    }
  }));
