import { assert, assertEquals } from "@std/assert";
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
      await createAgain();
      await routes(["produce", "--count", String(4 * STORED), "--seed", "2"]);

      const { code, stderr } = await consumer.ended;
      assertEquals(code, 65, stderr);
      assert(
        stderr.includes(`partition 0 of topic "${topic}" has changed since it was read`),
        stderr,
      );
      assertEquals((await counts()).rows, STORED);

      async function createAgain(): Promise<void> {
        // Kafka deletes a topic in the background and refuses its name until then.
        for (;;) {
          const request = { topics: [{ topic, numPartitions: 1 }], waitForLeaders: false };
          if (await admin.createTopics(request).catch(() => false)) break;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await awaitLeaders(admin, topic);
      }
    });
  });
}
