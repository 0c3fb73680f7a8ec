import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import type { KafkaMessage } from "kafkajs";
import { type ProgramFixture, withProgram } from "../support/program.ts";
import { withTopic } from "../support/fixtures.ts";

type Headers = { key: string; value: Buffer | null }[];

/** The first `count` records of a topic, by partition in order. */
async function readAll(
  fixture: ProgramFixture,
  topic: string,
  count: number,
): Promise<KafkaMessage[][]> {
  const found: KafkaMessage[][] = [];
  const groupId = `${fixture.group}-letters`;
  const consumer = fixture.kafka.consumer({ groupId, allowAutoTopicCreation: false });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message }) => {
      (found[partition] ??= []).push(message);
      if (found.flat().length === count) resolve();
      return Promise.resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  await fixture.admin.deleteGroups([groupId]);
  return found;
}

const hex = (bytes: Uint8Array | null | undefined) =>
  bytes ? Buffer.from(bytes).toString("hex") : null;

function header(message: KafkaMessage, name: string): string | undefined {
  const list = message.headers as unknown as Headers;
  return list.findLast(({ key }) => key === `__connect.errors.${name}`)?.value?.toString();
}

async function ends(fixture: ProgramFixture, topic: string): Promise<number> {
  const offsets = await fixture.admin.fetchTopicOffsets(topic);
  return offsets.reduce((sum, { high }) => sum + Number(high), 0);
}

Deno.test("consume --dead-letter-topic publishes every reject unchanged, with its reason", () =>
  withProgram(
    { partitions: 3, configs: { "max.message.bytes": "4194304" } },
    (fixture) =>
      withTopic(
        { partitions: 2, configs: { "max.message.bytes": "4194304" } },
        async ({ topic: letters }) => {
          const { routes, sql, schema, topic, group } = fixture;
          await routes(["produce", "-n", "600", "--invalid", "10", "--seed", "1"]);
          const { code, stderr } = await routes(["consume", "--dead-letter-topic", letters]);
          assertEquals(code, 0, stderr);
          const kept = await sql`
          select partition, source_offset, key, value, code, path, message,
            jsonb_array_length(headers) as headers
          from ${sql(`${schema}.routes_rejects`)} join ${sql(`${schema}.routes_sources`)}
            on id = source_id
          order by partition, source_offset`;
          assert(kept.length > 30);
          assertEquals(await ends(fixture, letters), kept.length);
          const found = await readAll(fixture, letters, kept.length);
          // The rejects of one partition are in one partition, in order.
          for (const [into, messages] of found.entries()) {
            const expected = kept.filter(({ partition }) => partition % 2 === into);
            const shown = messages.map((message) => ({
              partition: Number(header(message, "partition")),
              source_offset: header(message, "offset"),
              key: hex(message.key),
              value: hex(message.value),
              code: header(message, "exception.class.name"),
              reason: header(message, "exception.message"),
              headers: (message.headers as unknown as Headers).length,
            })).sort((a, b) => a.partition - b.partition);
            assertEquals(
              shown,
              expected.map((reject) => ({
                partition: reject.partition,
                source_offset: reject.source_offset,
                key: hex(reject.key),
                value: hex(reject.value),
                code: reject.code,
                reason: [reject.path, reject.message].filter(Boolean).join(": "),
                headers: reject.headers + 7,
              })),
            );
          }
          const [first] = found.flat();
          assertEquals([header(first!, "topic"), header(first!, "connector.name")], [topic, group]);
        },
      ),
  ));

Deno.test("consume --dead-letter-topic keeps the order and the names of headers, and null keys", () =>
  withProgram({}, (fixture) =>
    withTopic({ partitions: 1 }, async ({ topic: letters }) => {
      const headers: Headers = [
        { key: "2", value: Buffer.from("b") },
        { key: "1", value: Buffer.of(0, 255) },
        { key: "2", value: Buffer.alloc(0) },
        { key: "constructor", value: Buffer.from("x") },
      ];
      const producer = fixture.kafka.producer();
      await producer.connect();
      // kafkajs sends headers of an array in this order.
      const list = { any: Object.assign([], { map: () => headers }) };
      await producer.send({
        topic: fixture.topic,
        messages: [{ key: Buffer.of(255, 0), value: "no", headers: list }, { value: "none" }],
      });
      await producer.disconnect();
      const { code, stderr } = await fixture.routes(["consume", "--dead-letter-topic", letters]);
      assertEquals(code, 0, stderr);
      const [[first, second]] = await readAll(fixture, letters, 2) as [
        [KafkaMessage, KafkaMessage],
      ];
      const shown = (first.headers as unknown as Headers).slice(0, 4);
      assertEquals(shown.map(({ key, value }) => [key, hex(value)]), [
        ["2", "62"],
        ["1", "00ff"],
        ["2", ""],
        ["constructor", "78"],
      ]);
      assertEquals([hex(first.key), second.key], ["ff00", null]);
    })));

Deno.test("consume --dead-letter-topic refuses a missing topic, and the topic that it reads", () =>
  withProgram({}, async ({ topic, routes, counts }) => {
    await routes(["produce", "-n", "10", "--invalid", "50"]);
    const missing = await routes(["consume", "--dead-letter-topic", `${topic}-none`]);
    assertEquals(missing.code, 69);
    assert(
      missing.stderr.startsWith(`routes: topic "${topic}-none" does not exist on `) &&
        missing.stderr.endsWith(`  fix: routes migrate --topic -X kafka.topic=${topic}-none\n`),
      missing.stderr,
    );
    const same = await routes(["consume", "--dead-letter-topic", topic]);
    assertEquals([same.code, same.stderr], [
      2,
      "routes: --dead-letter-topic is the topic that is read\n",
    ]);
    assertEquals((await counts()).next, 0);
  }));

Deno.test("consume settles no reject that the dead-letter topic refuses", () =>
  withProgram({}, (fixture) =>
    withTopic(
      { partitions: 1, configs: { "max.message.bytes": "1000" } },
      async ({ topic: letters }) => {
        const { routes, counts, kafka, topic } = fixture;
        const producer = kafka.producer();
        await producer.connect();
        // A letter can do without its value, but not without its key.
        const key = Buffer.from(crypto.getRandomValues(new Uint8Array(5_000))).toString("base64");
        await producer.send({ topic, messages: [{ key, value: "no JSON" }] });
        await producer.disconnect();
        const { code, stderr } = await routes(["consume", "--dead-letter-topic", letters]);
        assertEquals(code, 65, stderr);
        assert(
          stderr.includes(
            `routes: cannot send rejects to dead-letter topic "${letters}"\n` +
              "  the broker answered MESSAGE_TOO_LARGE\n" +
              "  offsets are saved only after the rejects are sent\n" +
              "  fix: a larger max.message.bytes of the dead-letter topic\n",
          ),
          stderr,
        );
        const { rejects, next } = await counts();
        assertEquals([rejects, next], [0, 0]);
        assertEquals((await routes(["consume"])).code, 0);
        assertEquals((await counts()).rejects, 1);
      },
    )));
