import { assertEquals, assertMatch } from "@std/assert";
import { withProgram } from "../support/program.ts";

Deno.test("consume --skip-to goes forward once it is confirmed, records the range, and verify shows it", () =>
  withProgram({ partitions: 2 }, async ({ routes, counts, sql, schema }) => {
    await routes(["produce", "--count", "400", "--seed", "1", "--users", "1", "--key", "none"]);
    assertEquals((await routes(["consume", "--count", "60"])).code, 0);
    const asked = await routes(["consume", "--skip-to", "150"]);
    assertEquals([asked.code, (await counts()).rows], [2, 60]);
    assertMatch(
      asked.stderr,
      /^routes: --skip-to leaves 240 records of topic "\S+" out, as lost\n {2}fix: --yes, /m,
    );
    const skipped = await routes(["consume", "--skip-to", "150", "--yes"]);
    assertEquals(skipped.code, 0, skipped.stderr);
    assertMatch(
      skipped.stderr,
      /^skipped offsets \d+ to 149 of partition 0, as routes_losses says$/m,
    );
    const losses = await sql.unsafe(
      `select sum(to_offset - from_offset)::int as lost, min(to_offset)::int as least, count(*)::int
       from "${schema}".routes_losses`,
    );
    assertEquals([...losses], [{ lost: 240, least: 150, count: 2 }]);
    assertEquals((await counts()).rows, 160);
    const verified = await routes(["verify", "--json"]);
    assertEquals(verified.code, 0, verified.stderr);
    const { partitions, lag } = JSON.parse(verified.stdout);
    const lost = partitions.reduce((sum: number, { lost }: { lost: number }) => sum + lost, 0);
    assertEquals([lost, lag], [240, 0]);

    const again = await routes(["consume", "--skip-to", "150", "--yes"]);
    assertMatch(again.stderr, /^nothing to skip: every position is there or further on$/m);
    assertEquals([again.code, (await counts()).rows], [0, 160]);
    // It is a loss that can be undone, as long as the topic has the records.
    assertEquals((await routes(["consume", "--replay", "earliest", "--yes"])).code, 0);
    assertEquals((await counts()).rows, 400);
    assertEquals((await routes(["verify"])).code, 0);
  }));

Deno.test("consume --from latest on a topic that was read says so and goes on, other places are refused", () =>
  withProgram({}, async ({ routes, counts }) => {
    await routes(["produce", "-n", "20"]);
    const first = await routes(["consume", "--from", "latest"]);
    assertEquals([first.code, (await counts()).rows], [0, 0]);
    await routes(["produce", "-n", "5"]);
    const second = await routes(["consume", "--from", "latest"]);
    assertEquals(second.code, 0, second.stderr);
    assertMatch(
      second.stderr,
      /^--from latest changes nothing: partition 0 is read up to offset 20$/m,
    );
    assertEquals((await counts()).rows, 5);
    const refused = await routes(["consume", "--from", "3"]);
    assertEquals(refused.code, 65);
    assertMatch(
      refused.stderr,
      /^ {2}fix: routes consume goes on there; --skip-to goes forward, /m,
    );
  }));

Deno.test("a topic that does not exist is named by every way to consume it", () =>
  withProgram({}, async ({ routes }) => {
    for (const how of [[], ["--follow"], ["--replay", "earliest", "--yes"], ["--skip-to", "9"]]) {
      const { code, stderr } = await routes(["consume", ...how, "-X", "kafka.topic=nowhere"]);
      assertEquals(code, 69, stderr);
      assertMatch(stderr, /^routes: topic "nowhere" does not exist/m);
      assertMatch(stderr, /^ {2}fix: routes migrate -X kafka.topic=nowhere --topic$/m);
    }
  }));
