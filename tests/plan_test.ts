import { assertEquals, assertThrows } from "@std/assert";
import { Operation } from "../src/failure.ts";
import { type Applied, label, plan } from "../src/plan.ts";

const migration = (version: number) => ({
  version,
  name: `step${version}`,
  sql: `select ${version}`,
  checksum: `${version}`.repeat(64),
});
const known = [1, 2, 3].map(migration);

const pending = (...applied: number[]) =>
  plan(known, applied.map(migration)).map(({ version }) => version);

function refusal(applied: Applied[], of = known): Operation {
  const error = assertThrows(() => plan(of, applied), Operation) as Operation;
  assertEquals(error.kind, "settings");
  return error;
}

Deno.test("plan() of an empty database is everything, in order", () => {
  assertEquals(plan(known, []), known);
});

Deno.test("plan() is what is not applied yet", () => {
  assertEquals(pending(1), [2, 3]);
  assertEquals(pending(2, 1), [3]);
  assertEquals(pending(1, 2, 3), []);
  assertEquals(plan([], []), []);
});

Deno.test("plan() refuses a database that is newer than the program", () => {
  const { message, fix } = refusal([...known, migration(4)]);
  assertEquals(message, "the database is newer than this program: it has migration 0004 step4");
  assertEquals(fix, ["install the newest routes"]);
});

Deno.test("plan() refuses a migration it does not know among those it knows", () => {
  const { message, fix } = refusal([migration(2)], [migration(1), migration(3)]);
  assertEquals(
    message,
    "the database has migration 0002 step2, which this program does not know",
  );
  assertEquals(fix, ["set [postgresql] schema to one of its own"]);
});

Deno.test("plan() refuses a migration that was applied with another content", () => {
  const { message, reason } = refusal([{ ...migration(1), checksum: "f".repeat(64) }]);
  assertEquals(message, "migration 0001 step1 was applied with another content");
  assertEquals(reason, ["checksum in the database ffffffffffff, in this program 111111111111"]);
});

Deno.test("plan() refuses a gap", () => {
  const { message } = refusal([migration(1), migration(3)]);
  assertEquals(message, "migration 0002 step2 is missing in the database, later ones are there");
});

Deno.test("label() is the number in four digits and the name", () => {
  assertEquals([label(1, "tables"), label(12345, "x")], ["0001 tables", "12345 x"]);
});
