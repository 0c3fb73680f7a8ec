import { assert, assertEquals } from "@std/assert";
import { awaitLeaders } from "../../src/kafka/topic.ts";
import { withProgram } from "../support/program.ts";

Deno.test("consume stops before records that were deleted unread, and continues after them with --accept-loss", async () => {
  await withProgram({ partitions: 1 }, async ({ topic, schema, admin, sql, routes, counts }) => {
    await routes(["produce", "--count", "100", "--seed", "1"]);
    assertEquals((await routes(["consume", "--count", "40"])).code, 0);
    // deleteTopicRecords() needs the metadata that this call fetches.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "70" }] });

    const stopped = await routes(["consume"]);
    assertEquals(stopped.code, 65);
    assert(
      stopped.stderr.includes(
        `partition 0 of topic "${topic}" lost 30 unread records\n` +
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

Deno.test("consume --replay deletes everything from a position on, and stores exactly the same again", async () => {
  await withProgram({ partitions: 2 }, async ({ schema, sql, routes, counts }) => {
    await routes(["produce", "--count", "600", "--seed", "1", "--invalid", "20"]);
    await routes(["consume"]);
    const before = await counts();
    const rows = () => sql.unsafe(`select * from "${schema}".routes_table order by 5, 6`);
    const all = [...await rows()];

    const asked = await routes(["consume", "--replay", "100"]);
    assertEquals(asked.code, 2);
    assert(asked.stderr.includes("--yes, to confirm without a terminal"), asked.stderr);
    assertEquals(await counts(), before);

    for (const spec of ["100", "-5", "earliest", "@2000-01-01", "latest"]) {
      const again = await routes(["consume", "--replay", spec, "--yes"]);
      assertEquals(again.code, 0, again.stderr);
      assertEquals(await counts(), before, spec);
      assertEquals([...await rows()], all);
      const verified = await routes(["verify"]);
      assertEquals(verified.code, 0, verified.stdout + verified.stderr);
    }
  });
});

Deno.test("consume --replay replaces the data of a topic that was deleted and recreated", async () => {
  await withProgram({ partitions: 2 }, async ({ topic, admin, routes, counts }) => {
    await routes(["produce", "--count", "500", "--seed", "1", "--invalid", "20"]);
    await routes(["consume"]);
    await admin.deleteTopics({ topics: [topic] });
    // The topic is deleted when its name can be used again.
    for (let made = false; !made;) {
      made = await admin.createTopics({
        topics: [{ topic, numPartitions: 1 }],
        waitForLeaders: false,
      }).catch(() => false);
    }
    await awaitLeaders(admin, topic);
    await routes(["produce", "--count", "50", "--seed", "2"]);
    assertEquals((await routes(["consume"])).code, 65);
    const again = await routes(["consume", "--replay", "earliest", "--yes"]);
    assertEquals(again.code, 0, again.stderr);
    const { rows, next, tombstones } = await counts();
    assertEquals({ rows, next, tombstones }, { rows: 50, next: 50, tombstones: 0 });
    assertEquals((await routes(["verify"])).code, 0);
  });
});
