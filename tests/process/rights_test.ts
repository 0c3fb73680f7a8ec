import { assert, assertEquals, assertMatch } from "@std/assert";
import { uniqueName } from "../support/fixtures.ts";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** A user of PostgreSQL without any right, who is removed afterwards with all that it owns. */
async function withUser(
  { sql }: ProgramFixture,
  work: (user: string) => Promise<void>,
): Promise<void> {
  const user = uniqueName("reader");
  await sql.unsafe(`create role ${user} login`);
  try {
    await work(user);
  } finally {
    await sql.unsafe(`reassign owned by ${user} to current_user; drop owned by ${user} cascade`);
    await sql.unsafe(`drop role ${user}`);
  }
}

/** The statements that an error names. */
function statementsIn(stderr: string): string[] {
  return stderr.split("\n").map((line) => line.replace(/^ *fix: /, ""))
    .filter((line) => /^(grant|alter) /.test(line));
}

const commands: [what: string, args: string[]][] = [
  ["query", ["query", "--last"]],
  ["query --rejects", ["query", "--rejects"]],
  ["verify", ["verify"]],
  ["consume", ["consume"]],
  ["consume --replay", ["consume", "--replay", "-3", "--yes"]],
  ["consume --skip-to", ["consume", "--skip-to", "latest", "--yes"]],
  ["consume --retry-rejects", ["consume", "--retry-rejects"]],
  ["migrate", ["migrate"]],
  ["migrate --status", ["migrate", "--status"]],
  ["migrate --index", ["migrate", "--index", "place"]],
];

for (const [what, args] of commands) {
  Deno.test(`${what} names the rights that it lacks, and the SQL that it prints gives all of them`, () =>
    withProgram({}, (fixture) =>
      withUser(fixture, async (user) => {
        assertEquals((await fixture.routes(["produce", "-n", "9", "--invalid", "30"])).code, 0);
        assertEquals((await fixture.routes(["consume"])).code, 0);
        if (what === "consume --skip-to") await fixture.routes(["produce", "-n", "5"]);
        const asUser = [...args, "-X", `postgresql.user=${user}`];
        const refused = await fixture.routes(asUser);
        assertEquals(refused.code, 77, refused.stderr);
        assertMatch(refused.stderr, /the server answered 42501/);
        const statements = statementsIn(refused.stderr);
        assert(statements.length > 0, refused.stderr);
        for (const statement of statements) await fixture.sql.unsafe(statement);
        const { code, stderr } = await fixture.routes(asUser);
        assertEquals(code, 0, stderr);
      })));
}

Deno.test("migrate of a new schema, a new database, and tables of another user name one right each", () =>
  withProgram({}, (fixture) =>
    withUser(fixture, async (user) => {
      const { sql, schema } = fixture;
      const as = ["-X", `postgresql.user=${user}`];
      const printed = async (...args: string[]) =>
        statementsIn((await fixture.routes(["migrate", ...as, ...args])).stderr);
      const [row] = await sql`select current_database() as database`;
      assertEquals(await printed("-X", "postgresql.schema=new_one"), [
        `grant create on database "${row!.database}" to "${user}"`,
      ]);
      const fresh = ["--create-database", "-X", `postgresql.dbname=${uniqueName("none")}`];
      assertEquals(await printed(...fresh), [`alter role "${user}" createdb`]);
      const owner = uniqueName("owner");
      await sql.unsafe(`create role ${owner}`);
      try {
        for (const table of ["table", "sources", "rejects", "losses", "migrations"]) {
          await sql.unsafe(`alter table ${schema}.routes_${table} owner to ${owner}`);
        }
        assertEquals(await printed(), [
          `grant usage, create on schema "${schema}" to "${user}"`,
          `grant "${owner}" to "${user}"`,
        ]);
      } finally {
        await sql.unsafe(`reassign owned by ${owner} to current_user; drop role ${owner}`);
      }
    })));
