import { type Cluster, openCluster } from "./cluster.ts";
import { rows, runRow } from "./matrix.ts";

/** The rows of `deno task faults` that find most in little time. */
const SHORT = [1, 3, 7, 8, 13, 14, 16, 18];
const SEED = 20_240_131;

let cluster: Cluster;

Deno.test.beforeAll(async () => {
  cluster = await openCluster({ seed: SEED });
});

Deno.test.afterAll(async () => {
  await cluster.close();
});

for (const row of rows.filter(({ id }) => SHORT.includes(id))) {
  Deno.test({
    name: `no record is lost or duplicated: ${row.fault}`,
    // All tests share the services, and some restart them.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      const { passed, what } = await runRow(row, cluster);
      if (!passed) throw new Error(`seed ${SEED}: ${what}`);
    },
  });
}
