import { assert, assertEquals } from "@std/assert";
import { withProgram } from "../support/program.ts";

Deno.test("verify ends where the database stands, also when the topic goes on behind it", async () => {
  await withProgram({ partitions: 1 }, async ({ topic, routes }) => {
    await routes(["produce", "--count", "600", "--seed", "1"]);
    assertEquals((await routes(["consume", "--count", "250"])).code, 0);
    const verified = await routes(["verify"]);
    assertEquals(verified.code, 0, verified.stdout + verified.stderr);
    const verdict = `all 250 records of topic "${topic}" are accounted for, each once · lag 350\n`;
    assert(verified.stderr.endsWith(verdict), verified.stderr);
  });
});
