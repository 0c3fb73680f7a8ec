import { assert, assertEquals } from "@std/assert";
import type { BatchHandler } from "../../src/kafka/reader.ts";
import { readTopic } from "../../src/kafka/reader.ts";
import { openKafka } from "../../src/kafka/connect.ts";
import { awaitLeaders, openTopic } from "../../src/kafka/topic.ts";
import { Sandbox } from "../support/child.ts";
import { startKafka } from "../support/kafka.ts";
import { testSettings } from "../support/fixtures.ts";

Deno.test("a consumer with client_rack reads from the replica in its rack, each record once", async () => {
  const sandbox = new Sandbox();
  try {
    const cluster = await startKafka({
      sandbox,
      brokers: 2,
      properties: {
        "replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
      },
      racks: true,
    });
    const settings = { ...testSettings().kafka, brokers: [cluster.bootstrap.split(",")[0]!] };
    for (const rack of [null, "rack-2"]) {
      /** The brokers that were asked for records, by their address. */
      const asked: string[] = [];
      const kafka = openKafka(settings, {
        readFile: Deno.readFileSync,
        log: (line) => {
          const [, broker] = /Request Fetch.*"broker":"([^"]+)"/.exec(line) ?? [];
          if (broker) asked.push(broker);
        },
        timeoutMs: 10_000,
      });
      const topic = `topic_${rack ?? "none"}`;
      const admin = kafka.admin();
      const producer = kafka.producer();
      await Promise.all([admin.connect(), producer.connect()]);
      await admin.createTopics({
        topics: [{ topic, replicaAssignment: [{ partition: 0, replicas: [1, 2] }] }],
        waitForLeaders: false,
      });
      await awaitLeaders(admin, topic);
      const messages = Array.from({ length: 500 }, (_, i) => ({ value: String(i) }));
      for (let i = 0; i < 500; i += 100) {
        await producer.send({ topic, messages: messages.slice(i, i + 100) });
      }
      await Promise.all([admin.disconnect(), producer.disconnect()]);
      const log = await openTopic(kafka, topic);
      const stop = new AbortController();
      const seen: string[] = [];
      const handler: BatchHandler = {
        assign: (owned) => Promise.resolve(new Map(owned.map((partition) => [partition, 0]))),
        handleBatch: ({ messages }) => {
          seen.push(...messages.map(({ value }) => `${value}`));
          if (seen.length >= 500) stop.abort();
          return Promise.resolve(Number(messages.at(-1)!.offset) + 1);
        },
        advance: () => {},
        settled: () => Promise.resolve(new Map()),
        outOfRange: (_, position) => Promise.resolve(position),
      };
      await readTopic(kafka, handler, {
        topic,
        topicId: await log.id(),
        groupId: `group_${topic}`,
        destination: null,
        sessionTimeoutMs: 10_000,
        rack,
        waitMs: 100,
        minBytes: 1,
        concurrency: 1,
        ranges: log.ranges,
      }, stop.signal);
      await log.close();
      assertEquals(seen, messages.map(({ value }) => value));
      const [leader, replica] = cluster.brokers.map(({ port }) => `127.0.0.1:${port}`);
      assert(asked.includes(leader!), "the leader names the replica");
      assertEquals(asked.includes(replica!), rack !== null, asked.join());
    }
    await cluster.stop();
  } finally {
    await sandbox.close();
  }
});
