import { assert, assertEquals } from "@std/assert";
import { withProgram } from "../support/program.ts";

Deno.test("verify --json has every count of the table, and the lag", () =>
  withProgram({ partitions: 2 }, async ({ routes, sql, schema }) => {
    await routes(["produce", "-n", "400", "--invalid", "10", "--seed", "3"]);
    await routes(["consume", "--count", "300"]);
    await sql`delete from ${sql(schema)}.routes_table where ctid in
      (select ctid from ${sql(schema)}.routes_table limit 1)`;
    const table = await routes(["verify"]);
    const json = await routes(["verify", "--json"]);
    assertEquals([table.code, json.code], [65, 65]);
    const [head, ...lines] = table.stdout.split("\n").map((line) => line.trim().split(/\s+/));
    const { partitions, lag } = JSON.parse(json.stdout);
    const countOf = (value: number | { count: number }) =>
      typeof value === "number" ? value : value.count;
    for (const [i, account] of partitions.entries()) {
      const printed = Object.fromEntries(head!.map((name, at) => [name, Number(lines[i]![at])]));
      assertEquals(
        Object.fromEntries(head!.map((name) => [name, countOf(account[name])])),
        printed,
      );
      assert(account.stored > 0);
    }
    const sum = (name: string) =>
      partitions.reduce((sum: number, account: Record<string, number | { count: number }>) => {
        return sum + countOf(account[name]!);
      }, 0);
    assertEquals([sum("missing"), lag], [1, 100]);
    assertEquals(sum("stored") + sum("missing") + sum("rejected") + sum("tombstones"), 300);
  }));
