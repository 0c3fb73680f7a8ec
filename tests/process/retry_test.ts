import { assert, assertEquals } from "@std/assert";
import { type ProgramFixture, withProgram } from "../support/program.ts";

/** Makes the database refuse some users; repair() ends that. */
async function refuse({ sql, schema }: ProgramFixture, name: string, check: string): Promise<void> {
  await sql.unsafe(`alter table "${schema}".routes_table add constraint ${name} check (${check})`);
}

async function repair({ sql, schema }: ProgramFixture, name: string): Promise<void> {
  await sql.unsafe(`alter table "${schema}".routes_table drop constraint ${name}`);
}

async function assertVerified({ routes }: ProgramFixture): Promise<void> {
  const { code, stdout, stderr } = await routes(["verify"]);
  assertEquals(code, 0, stdout + stderr);
}

Deno.test("consume --retry-rejects moves the rejects that a repaired database accepts, and keeps the others", () =>
  withProgram({ partitions: 3 }, async (fixture) => {
    const { routes, counts } = fixture;
    await routes(["produce", "-n", "2000", "--users", "50", "--seed", "1", "--invalid", "3"]);
    await refuse(fixture, "no_seven", "user_id <> 7");
    await refuse(fixture, "no_nine", "user_id <> 9");
    assertEquals((await routes(["consume"])).code, 0);
    await assertVerified(fixture);
    const before = await counts();
    await repair(fixture, "no_seven");

    const { code, stdout, stderr } = await routes(["consume", "--retry-rejects", "--json"]);
    assertEquals(code, 0, stderr);
    const { moved, remain, reasons } = JSON.parse(stdout);
    await assertVerified(fixture);
    const after = await counts();
    assert(moved > 0 && reasons.db_23514 > 0, stdout);
    assertEquals(after, {
      ...before,
      rows: before.rows + moved,
      rejects: before.rejects - moved,
      stored: before.stored + moved,
      rejected: before.rejected - moved,
    });
    assertEquals(remain, after.rejects);

    await repair(fixture, "no_nine");
    const second = await routes(["consume", "--retry-rejects", "--batch-size", "7"]);
    assert(
      second.stderr.startsWith(`moved ${reasons.db_23514} of ${remain} rejects into the table, `),
      second.stderr,
    );
    await assertVerified(fixture);
    const third = await routes(["consume", "--retry-rejects", "--json"]);
    assertEquals(JSON.parse(third.stdout).moved, 0);
  }));

Deno.test("consume --retry-rejects moves each reject once, with other retries, a consumer and a replay at the same time", () =>
  withProgram({ partitions: 2 }, async (fixture) => {
    const { routes, start, counts } = fixture;
    await refuse(fixture, "few", "user_id > 20");
    await routes(["produce", "-n", "1500", "--users", "50", "--seed", "2"]);
    assertEquals((await routes(["consume", "--batch-size", "500"])).code, 0);
    const { rejects } = await counts();
    await repair(fixture, "few");
    await routes(["produce", "-n", "1500", "--users", "50", "--seed", "3"]);

    const consumer = start(["consume", "--batch-size", "50"]);
    const retries = await Promise.all(
      [1, 2, 3].map(() => routes(["consume", "--retry-rejects", "--batch-size", "20", "--json"])),
    );
    assertEquals(retries.map(({ code }) => code), [0, 0, 0], retries[0]!.stderr);
    const moved = retries.map(({ stdout }) => JSON.parse(stdout).moved as number);
    assertEquals(moved[0]! + moved[1]! + moved[2]!, rejects);
    assertEquals((await consumer.ended).code, 0);
    await assertVerified(fixture);
    assertEquals((await counts()).rows, 3000);

    await refuse(fixture, "again", "user_id > 20 or true");
    const [replayed, retried] = await Promise.all([
      routes(["consume", "--replay", "-300", "--yes"]),
      routes(["consume", "--retry-rejects"]),
    ]);
    assertEquals([replayed.code, retried.code], [0, 0], replayed.stderr + retried.stderr);
    await assertVerified(fixture);
  }));
