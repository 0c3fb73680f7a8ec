import { assert, assertEquals } from "@std/assert";
import type { Admin } from "kafkajs";
import { awaitLeaders } from "../../src/kafka/topic.ts";
import { withProgram } from "../support/program.ts";

const STORED = 300;

for (const pauseMs of [0, 200, 1_000, 3_000]) {
  Deno.test(`consume --follow stops when a longer topic replaces a deleted one after ${pauseMs} ms`, async () => {
    await withProgram({ partitions: 1 }, async ({ topic, admin, start, routes, counts }) => {
      await routes(["produce", "--count", String(STORED), "--seed", "1"]);
      const consumer = start(["consume", "--follow"]);
      while ((await counts()).rows < STORED) await new Promise((r) => setTimeout(r, 50));
      await admin.deleteTopics({ topics: [topic] });
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      await createAgain(admin, topic);
      await routes(["produce", "--count", String(4 * STORED), "--seed", "2"]);

      const { code, stderr } = await consumer.ended;
      assertEquals(code, 65, stderr);
      assert(
        stderr.includes(`topic "${topic}" was deleted and recreated`),
        stderr,
      );
      assertEquals((await counts()).rows, STORED);
    });
  });
}

Deno.test("consume and verify refuse a recreated topic that is longer than before, by its id", () =>
  withProgram({ partitions: 1 }, async ({ topic, admin, routes, counts, sql, schema }) => {
    await routes(["produce", "--count", "5", "--seed", "1", "--start", "@0"]);
    assertEquals((await routes(["consume"])).code, 0);
    await admin.deleteTopics({ topics: [topic] });
    await createAgain(admin, topic);
    // The same records: the fingerprint of the last one does not tell the topics apart.
    await routes(["produce", "--count", "50", "--seed", "1", "--start", "@0"]);
    for (const command of ["consume", "verify"]) {
      const { code, stderr } = await routes([command]);
      assertEquals(code, 65, stderr);
      assert(stderr.includes(`topic "${topic}" was deleted and recreated`), stderr);
    }
    assertEquals((await counts()).rows, 5);

    assertEquals((await routes(["consume", "--replay", "earliest", "--yes"])).code, 0);
    assertEquals((await counts()).rows, 50);
    assertEquals((await routes(["verify"])).code, 0);

    // A database from before topic ids takes the id over with the next record.
    await sql`update ${sql(`${schema}.routes_sources`)} set topic_id = null`;
    await routes(["produce", "--count", "1"]);
    assertEquals((await routes(["consume"])).code, 0);
    const [source] = await sql`select topic_id from ${sql(`${schema}.routes_sources`)}`;
    assert(source!.topic_id);
  }));

Deno.test("produce stops when the topic is recreated while it sends", () =>
  withProgram({ partitions: 1 }, async ({ topic, admin, start }) => {
    const producer = start(["produce", "--count", "0", "--rate", "500", "--tee"]);
    await producer.said(/userID/);
    await admin.deleteTopics({ topics: [topic] });
    await createAgain(admin, topic);
    const { code, stderr } = await producer.ended;
    assertEquals(code, 65, stderr);
    assert(stderr.includes("the topic was deleted, recreated or truncated during the run"), stderr);
  }));

async function createAgain(admin: Admin, topic: string): Promise<void> {
  // Kafka deletes a topic in the background and refuses its name until then.
  for (;;) {
    const request = { topics: [{ topic, numPartitions: 1 }], waitForLeaders: false };
    if (await admin.createTopics(request).catch(() => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await awaitLeaders(admin, topic);
}
