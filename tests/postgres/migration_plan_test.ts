import { assertEquals, assertThrows } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { label, plan } from "../../src/postgres/migration_plan.ts";

const step = (version: number, checksum = `${version}`.repeat(64)) => ({
  version,
  name: `step${version}`,
  sql: `select ${version}`,
  checksum,
});

const versionsOf = (applied: number[], known = [1, 2, 3]) =>
  plan(known.map((v) => step(v)), applied.map((v) => step(v))).map(({ version }) => version);

function refusal(known: ReturnType<typeof step>[], applied: ReturnType<typeof step>[]) {
  const { kind, message, reason, hint } = assertThrows(
    () => plan(known, applied),
    OperationalError,
  ) as OperationalError;
  assertEquals(kind, "settings");
  return { message, reason, hint };
}

Deno.test("plan() lists what is pending, in order", () => {
  assertEquals(versionsOf([]), [1, 2, 3]);
  assertEquals(versionsOf([1]), [2, 3]);
  assertEquals(versionsOf([2, 1]), [3]);
  assertEquals(versionsOf([1, 2, 3]), []);
  assertEquals(versionsOf([], []), []);
});

Deno.test("plan() refuses a database that is newer than the program", () => {
  assertEquals(refusal([step(1)], [step(1), step(2)]), {
    message: "the database is newer than this program: it has migration 0002 step2",
    reason: [],
    hint: ["install the newest routes"],
  });
});

Deno.test("plan() refuses the history of another program", () => {
  assertEquals(refusal([step(1), step(3)], [step(1), step(2)]), {
    message: "the database has migration 0002 step2, which this program does not know",
    reason: ["another program may use the same schema"],
    hint: ["set [postgresql] schema to a schema that only routes uses"],
  });
});

Deno.test("plan() refuses a migration whose content changed after it was applied", () => {
  assertEquals(refusal([step(1)], [step(1, "abcdefabcdefabcdef")]), {
    message: "migration 0001 step1 was applied with different content",
    reason: ["checksum in the database abcdefabcdef, in this program 111111111111"],
    hint: [
      "run the version of routes that applied it, or set [postgresql] schema to another",
    ],
  });
});

Deno.test("plan() refuses a gap in the history", () => {
  assertEquals(
    refusal([step(1), step(2), step(3)], [step(1), step(3)]).message,
    "migration 0002 step2 is missing in the database, but later migrations were applied",
  );
});

Deno.test("label() is four digits and a name", () => {
  assertEquals([label(1, "tables"), label(12_345, "x")], ["0001 tables", "12345 x"]);
});
