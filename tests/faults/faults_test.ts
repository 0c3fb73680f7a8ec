import { type Arena, openArena } from "./arena.ts";
import { rows, runRow } from "./matrix.ts";

/** What `deno task faults` does in full: those rows that find most, and take least. */
const SHORT = [1, 3, 7, 8, 13, 14, 16, 18];
const SEED = 20_240_131;

let arena: Arena;

Deno.test.beforeAll(async () => {
  arena = await openArena({ seed: SEED });
});

Deno.test.afterAll(async () => {
  await arena.close();
});

for (const row of rows.filter(({ id }) => SHORT.includes(id))) {
  Deno.test({
    name: `nothing is lost or doubled: ${row.fault}`,
    // The services live from the first test to the last, and some are restarted on the way.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const { passed, what } = await runRow(row, arena);
      if (!passed) throw new Error(`seed ${SEED}: ${what}`);
    },
  });
}
