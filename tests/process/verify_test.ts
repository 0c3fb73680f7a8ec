import { assert, assertEquals } from "@std/assert";
import { withProgram } from "../support/program.ts";

Deno.test("verify stops at the positions of the database, also if the topic has more records", async () => {
  await withProgram({ partitions: 1 }, async ({ topic, routes }) => {
    await routes(["produce", "--count", "600", "--seed", "1"]);
    assertEquals((await routes(["consume", "--count", "250"])).code, 0);
    const verified = await routes(["verify"]);
    assertEquals(verified.code, 0, verified.stdout + verified.stderr);
    const verdict = `all 250 records of topic "${topic}" are accounted for, each once · lag 350\n`;
    assert(verified.stderr.endsWith(verdict), verified.stderr);
  });
});
