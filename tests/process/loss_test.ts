import { assert, assertEquals } from "@std/assert";
import { atDesk } from "../support/program.ts";

Deno.test("consume stops before records that were deleted unread, and goes on past them with --accept-loss", async () => {
  await atDesk({ partitions: 1 }, async ({ topic, schema, admin, sql, routes, counts }) => {
    await routes(["produce", "--count", "100", "--seed", "1"]);
    assertEquals((await routes(["consume", "--count", "40"])).code, 0);
    // This one asks for the leaders without looking for them first.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "70" }] });

    const stopped = await routes(["consume"]);
    assertEquals(stopped.code, 65);
    assert(
      stopped.stderr.includes(
        `partition 0 of topic "${topic}" lost 30 records unread\n` +
          "  offsets 40 to 69 were deleted before they were read\n" +
          "  fix: routes consume --accept-loss\n",
      ),
      stopped.stderr,
    );
    assertEquals((await counts()).rows, 40);

    const accepted = await routes(["consume", "--accept-loss"]);
    assertEquals(accepted.code, 0, accepted.stderr);
    assertEquals((await counts()).rows, 70);
    const losses = await sql.unsafe(
      `select from_offset::int, to_offset::int, reason from "${schema}".routes_losses`,
    );
    assertEquals([...losses], [
      { from_offset: 40, to_offset: 70, reason: "deleted before it was read" },
    ]);
    const verified = await routes(["verify"]);
    assertEquals(verified.code, 0, verified.stderr);
    assertEquals((await routes(["consume"])).code, 0);
  });
});
