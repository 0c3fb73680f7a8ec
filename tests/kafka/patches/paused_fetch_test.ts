import { assert, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
import { fetchWhenResumed } from "../../../src/kafka/patches/paused_fetch.ts";
import { uniqueName, withTopic } from "../../support/fixtures.ts";

fetchWhenResumed();

/** The part of a group that fetch() and resume() need, with every partition paused. */
function pausedGroup(maxWaitTime: number) {
  const group = {
    maxWaitTime,
    active: [] as number[],
    seekOffset: new Map(),
    logger: { info: () => {} },
    subscriptionState: { resume: () => group.active = [0] },
    getActiveTopicPartitions: () => ({ topic: new Set(group.active) }),
  };
  // deno-lint-ignore no-explicit-any
  const { fetch, resume } = (ConsumerGroup as any).prototype;
  return {
    fetch: (nodeId: number): Promise<unknown[]> => fetch.call(group, nodeId),
    resume: () => resume.call(group, [{ topic: "topic", partitions: [0] }]),
  };
}

Deno.test("a fetch of paused partitions ends when one is resumed", async () => {
  // A timer that is left would fail the test, and the test would wait a minute for one that fires.
  const group = pausedGroup(60_000);
  const [first, second] = [group.fetch(1), group.fetch(2)];
  group.resume();
  assertEquals(await Promise.all([first, second]), [[], []]);
});

Deno.test("setOffsets(), which pauses every partition before it seeks, commits what it is told", () =>
  withTopic({ partitions: 1 }, async ({ admin, topic }) => {
    const groupId = uniqueName("group");
    await admin.setOffsets({ groupId, topic, partitions: [{ partition: 0, offset: "0" }] });
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
    await admin.deleteGroups([groupId]);
    assertEquals(found!.partitions.map(({ offset }) => offset), ["0"]);
  }));

Deno.test("a fetch of paused partitions ends after the waiting time, so that kafkajs can send a heartbeat", async () => {
  const before = performance.now();
  assertEquals(await pausedGroup(20).fetch(1), []);
  assert(performance.now() - before > 10);
});
