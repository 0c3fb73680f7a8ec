import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import type { Kafka, KafkaMessage } from "kafkajs";
import { OperationalError } from "../../src/errors.ts";
import { openDeadLetterTopic } from "../../src/kafka/dead_letters.ts";
import type { Letter } from "../../src/kafka/dead_letters.ts";
import { uniqueName, withTopic } from "../support/fixtures.ts";

const { signal } = new AbortController();
const explain = (error: unknown) => error as Error;

function letter(value: string, headers: Letter["headers"] = []): Letter {
  return { key: null, value: new TextEncoder().encode(value), headers };
}

async function readAll(kafka: Kafka, topic: string, count: number): Promise<KafkaMessage[]> {
  const found: KafkaMessage[] = [];
  const consumer = kafka.consumer({ groupId: uniqueName("letters") });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ message }) => {
      if (found.push(message) === count) resolve();
      return Promise.resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  return found;
}

Deno.test("post() writes headers as they are, also those without a value", () =>
  withTopic({ partitions: 1 }, async ({ topic, kafka }) => {
    const headers = [
      { key: "b", value: null },
      { key: "1", value: Buffer.of(0, 255) },
      { key: "b", value: Buffer.alloc(0) },
      { key: "b", value: null },
    ];
    const box = await openDeadLetterTopic(kafka, { topic, explain, signal });
    await box.post(0, [letter("first", headers), letter("second")]);
    await box.close();
    const [first, second] = await readAll(kafka, topic, 2);
    assertEquals(first!.headers as unknown, headers);
    assertEquals(second!.headers as unknown, []);
  }));

Deno.test("post() sends several batches and concurrent calls in order", () =>
  withTopic({ partitions: 1 }, async ({ topic, kafka }) => {
    const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("base64");
    const box = await openDeadLetterTopic(kafka, { topic, explain, signal });
    const many = Array.from({ length: 1_200 }, (_, i) => letter(`a${i}`));
    const large = Array.from({ length: 30 }, (_, i) => letter(`b${i} ${noise}`));
    await Promise.all([box.post(3, many), box.post(1, large)]);
    await box.close();
    const values = (await readAll(kafka, topic, 1_230)).map(({ value }) =>
      `${value}`.split(" ")[0]
    );
    const numbered = (name: string, count: number) =>
      Array.from({ length: count }, (_, i) => `${name}${i}`);
    assertEquals(values, [...numbered("a", 1_200), ...numbered("b", 30)]);
  }));

/** A cluster whose producers end each send as told, and the values of each, which are letters in bytes otherwise small. */
function scripted(ends: (Error | null)[]) {
  const sent: string[][] = [];
  let producers = 0;
  const kafka = {
    // Hidden in the interface of kafkajs: see src/kafka/cluster.ts.
    [Symbol("private:Kafka:createCluster")]: () => ({
      targetTopics: new Set(),
      connect: () => Promise.resolve(),
      refreshMetadata: () => Promise.resolve(),
      findTopicPartitionMetadata: () => [{}, {}],
      disconnect: () => Promise.resolve(),
    }),
    producer: () => {
      producers++;
      return {
        connect: () => Promise.resolve(),
        disconnect: () => Promise.resolve(),
        send: ({ messages }: { messages: unknown[] }) => {
          const [{ buffer }] = messages.map((_message, _index) => null) as unknown as [
            { buffer: Buffer },
          ];
          sent.push(buffer.toString().match(/[a-z]/g)!);
          const error = ends.shift();
          return error
            ? Promise.reject(error)
            : Promise.resolve([{ partition: 1, errorCode: 0, baseOffset: "-1" }]);
        },
      };
    },
  };
  return { kafka: kafka as unknown as Kafka, sent, producers: () => producers };
}

function refused(type: string): Error {
  return Object.assign(new Error("no"), { name: "KafkaJSProtocolError", retriable: false, type });
}

Deno.test("post() opens another producer when the first is lost", async () => {
  const { kafka, sent, producers } = scripted([
    refused("OUT_OF_ORDER_SEQUENCE_NUMBER"),
    null,
    null,
  ]);
  const box = await openDeadLetterTopic(kafka, { topic: "t", explain, signal });
  await box.post(1, [letter("a")]);
  await box.post(1, [letter("b")]);
  await box.close();
  assertEquals([sent, producers()], [[["a"], ["a"], ["b"]], 2]);
});

Deno.test("post() fails when the letters do not arrive, and so do the calls that wait for it", async () => {
  const { kafka, sent } = scripted(Array(2).fill(refused("TOPIC_AUTHORIZATION_FAILED")));
  const box = await openDeadLetterTopic(kafka, { topic: "t", explain, signal });
  const [failure, other] = await Promise.all(
    ["a", "b"].map((text) => assertRejects(() => box.post(1, [letter(text)]), OperationalError)),
  );
  assertEquals([failure!.kind, failure!.message], [
    "noPermission",
    'cannot send rejects to dead-letter topic "t"',
  ]);
  assertEquals(other, failure);
  await box.close();
  assertEquals(sent, [["a"], ["a"]]);
});

Deno.test("post() tries again when it is called after a failure", async () => {
  const { kafka, sent, producers } = scripted([
    ...Array(2).fill(refused("INVALID_PRODUCER_EPOCH")),
    null,
  ]);
  const box = await openDeadLetterTopic(kafka, { topic: "t", explain, signal });
  const failure = await assertRejects(() => box.post(1, [letter("a")]), OperationalError);
  assertEquals(failure.kind, "temporary");
  await box.post(1, [letter("a")]);
  await box.close();
  assertEquals([sent, producers()], [[["a"], ["a"], ["a"]], 3]);
});

Deno.test("post() sends a letter without its value when the topic does not accept it, and the others as they are", () =>
  withTopic(
    { partitions: 1, configs: { "max.message.bytes": "20000" } },
    async ({ topic, kafka }) => {
      const noise = Buffer.from(crypto.getRandomValues(new Uint8Array(60_000))).toString("base64");
      const box = await openDeadLetterTopic(kafka, { topic, explain, signal });
      await box.post(0, [letter("a"), letter(noise), letter("b")]);
      await box.close();
      const seen = await readAll(kafka, topic, 3);
      assertEquals(seen.map(({ value }) => value && `${value}`), ["a", null, "b"]);
      const headers = seen[1]!.headers as unknown as { key: string; value: Buffer }[];
      const omitted = headers.find(({ key }) => key === "routes.value.omitted");
      assertEquals(`${omitted?.value}`, "80000 bytes are more than this topic accepts");
    },
  ));
