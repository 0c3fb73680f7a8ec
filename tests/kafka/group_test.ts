import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { untilSettled } from "../../src/kafka/group.ts";
import { readTopic } from "../../src/kafka/reader.ts";
import { openTopic } from "../../src/kafka/topic.ts";
import { uniqueName, withTopic } from "../support/fixtures.ts";

Deno.test("a group tells its members, their partitions, and where they store the records", () =>
  withTopic({ partitions: 3 }, async ({ topic, kafka, admin }) => {
    const groupId = uniqueName("group");
    const log = await openTopic(kafka, topic);
    const stop = new AbortController();
    try {
      assertEquals(await log.members(groupId), []);
      const readings = ["db:5432/a schema x", "db:5432/b schema y"].map((destination) =>
        readTopic(
          kafka,
          {
            assign: (owned) => Promise.resolve(new Map(owned.map((partition) => [partition, 0]))),
            handleBatch: () => Promise.resolve(null),
            advance: () => {},
            settled: () => Promise.resolve(new Map()),
            outOfRange: (_, position) => Promise.resolve(position),
          },
          {
            topic,
            topicId: null,
            groupId,
            destination,
            sessionTimeoutMs: 10_000,
            rack: null,
            waitMs: 100,
            minBytes: 1,
            concurrency: 1,
            ranges: () => Promise.resolve(new Map()),
          },
          stop.signal,
        )
      );
      let members = await log.members(groupId);
      while (members.length < 2 || members.some(({ partitions }) => partitions.length === 0)) {
        await new Promise((resolve) => setTimeout(resolve, 100));
        members = await log.members(groupId);
      }
      assertEquals(members.flatMap(({ partitions }) => partitions).sort(), [0, 1, 2]);
      assertEquals(members.map(({ destination }) => destination).sort(), [
        "db:5432/a schema x",
        "db:5432/b schema y",
      ]);
      for (const { name, protocol, otherAssignor, topics } of members) {
        assertMatch(name, /^routes-[0-9a-f]{4}$/);
        assertEquals([protocol, otherAssignor, topics], ["classic", null, [topic]]);
      }
      stop.abort();
      await Promise.all(readings);
    } finally {
      stop.abort();
      await log.close();
      await admin.deleteGroups([groupId]).catch(() => {});
    }
  }));

Deno.test("a question about a group is asked again while its coordinator moves, and other failures are not", async () => {
  let asked = 0;
  const fail = (code: number) => {
    asked++;
    // kafkajs wraps the answer of the broker.
    throw new Error("failed", { cause: Object.assign(new Error("broker"), { code }) });
  };
  const answer = await untilSettled(() => Promise.resolve(asked < 2 ? fail(16) : "answer"));
  assertEquals([answer, asked], ["answer", 2]);
  await assertRejects(() => untilSettled(() => Promise.resolve(fail(30))));
  assertEquals(asked, 3);
});
