import { assertEquals, assertRejects } from "@std/assert";
import type { Admin } from "kafkajs";
import { explainKafka } from "../../src/kafka/errors.ts";
import { fetchPartitions, openTopic } from "../../src/kafka/topic.ts";
import type { OperationalError } from "../../src/errors.ts";
import { testSettings, withTopic } from "../support/fixtures.ts";

Deno.test("a cluster is unreachable when no broker answers", async () => {
  // As kafkajs does: metadata that no broker sent is null, and is read anyway.
  const metadata = null as unknown as { topicMetadata: [] };
  const fetchTopicMetadata = () =>
    new Promise<never>(() => {
      throw metadata.topicMetadata;
    });
  const admin = { fetchTopicMetadata } as unknown as Admin;
  const error = await assertRejects(() => fetchPartitions(admin, "tracks"), Error);
  const { kafka } = testSettings(["kafka.bootstrap_servers=broker:9093"]);
  const { kind, message } = explainKafka(error, kafka) as OperationalError;
  assertEquals(kind, "unavailable");
  assertEquals(message, "cannot reach Kafka at broker:9093: no answer in time");
});

for (const policy of ["delete", "compact", "compact,delete"]) {
  Deno.test(`a topic with cleanup.policy=${policy} is recognized`, () =>
    withTopic({ partitions: 1, configs: { "cleanup.policy": policy } }, async (fixture) => {
      const log = await openTopic(fixture.kafka, fixture.topic);
      try {
        assertEquals(await log.isCompacted(), policy !== "delete");
      } finally {
        await log.close();
      }
    }));
}
