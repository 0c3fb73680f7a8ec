import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Admin, Kafka } from "kafkajs";
import {
  type Batch,
  type BatchHandler,
  type ReadOptions,
  readTopic,
} from "../../src/kafka/reader.ts";
import { awaitLeaders, openTopic } from "../../src/kafka/topic.ts";
import { fetchKafka } from "../support/kafka.ts";
import { testSettings, uniqueName, withTopic } from "../support/fixtures.ts";

interface ReaderFixture {
  topic: string;
  kafka: Kafka;
  /** Reads from the start of every partition until the handler's work is done. */
  read(
    handler: (stop: () => void) => Partial<BatchHandler>,
    options?: Partial<ReadOptions>,
  ): Promise<void>;
  admin: Admin;
}

async function withReader(
  partitions: number,
  work: (fixture: ReaderFixture) => Promise<void>,
): Promise<void> {
  await withTopic({ partitions }, async ({ topic, kafka, admin }) => {
    const groupId = uniqueName("group");
    const log = await openTopic(kafka, topic);
    const read: ReaderFixture["read"] = async (handler, changes) => {
      const stop = new AbortController();
      const options = {
        topic,
        groupId,
        destination: null,
        sessionTimeoutMs: 10_000,
        rack: null,
        waitMs: 100,
        minBytes: 1,
      };
      await readTopic(
        kafka,
        {
          assign: (owned) => Promise.resolve(new Map(owned.map((partition) => [partition, 0]))),
          handleBatch: ({ messages }) => Promise.resolve(Number(messages.at(-1)!.offset) + 1),
          advance: () => {},
          settled: () => Promise.resolve(new Map()),
          outOfRange: (_, position) => Promise.resolve(position),
          ...handler(() => stop.abort()),
        },
        { ...options, topicId: await log.id(), concurrency: 16, ranges: log.ranges, ...changes },
        stop.signal,
      );
    };
    try {
      await work({ topic, kafka, admin, read });
    } finally {
      await log.close();
      await admin.deleteGroups([groupId]).catch(() => {});
    }
  });
}

async function send(
  { kafka, topic }: ReaderFixture,
  partition: number,
  count: number,
): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  const messages = Array.from({ length: count }, (_, i) => ({ partition, value: String(i) }));
  await producer.send({ topic, messages });
  await producer.disconnect();
}

async function recreate({ admin, topic }: ReaderFixture): Promise<void> {
  await admin.deleteTopics({ topics: [topic] });
  // Kafka deletes a topic in the background and refuses its name until then.
  for (;;) {
    const request = { topics: [{ topic, numPartitions: 1 }], waitForLeaders: false };
    if (await admin.createTopics(request).catch(() => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await awaitLeaders(admin, topic);
}

const offsets = ({ messages }: Batch) => messages.map(({ offset }) => Number(offset));

Deno.test("readTopic() gives every committed record once, and skips unreadable ones up to the end", () =>
  withReader(1, async (fixture) => {
    const producer = fixture.kafka.producer({
      transactionalId: uniqueName("tx"),
      idempotent: true,
      maxInFlightRequests: 1,
    });
    await producer.connect();
    // Each ends with a marker that takes an offset: 0 1 2 |3| 4 5 6 |7| 8 9 10 |11| 12 13 14 |15|
    for (const end of ["commit", "abort", "commit", "abort"] as const) {
      const transaction = await producer.transaction();
      const messages = [1, 2, 3].map((i) => ({ partition: 0, value: `${end} ${i}` }));
      await transaction.send({ topic: fixture.topic, messages });
      await transaction[end]();
    }
    await producer.disconnect();
    const seen: number[] = [];
    await fixture.read((stop) => ({
      handleBatch: (batch) => {
        seen.push(...offsets(batch));
        return Promise.resolve(seen.at(-1)! + 1);
      },
      advance: (_, next) => void (next >= 16 && stop()),
    }));
    assertEquals(seen, [0, 1, 2, 8, 9, 10]);

    // When no readable record is left, kafkajs does not call the handler; reading must still end.
    const passed: number[] = [];
    await fixture.read((stop) => ({
      assign: () => Promise.resolve(new Map([[0, 11]])),
      handleBatch: (batch) => Promise.reject(new Error(`there is nothing at ${offsets(batch)}`)),
      advance: (_, next) => void (passed.push(next) && next >= 16 && stop()),
    }));
    assertEquals(passed.at(-1), 16);
  }));

Deno.test("readTopic() continues where its handler says: back, ahead, or not at all", () =>
  withReader(2, async (fixture) => {
    await send(fixture, 0, 10);
    await send(fixture, 1, 10);
    const first: [from: number, first: number][] = [];
    const others: number[] = [];
    const answers = [4, 2, 8, null];
    let more: Promise<void> | null = null;
    const sendMore = async () => {
      for (const partition of [1, 0, 1]) await send(fixture, partition, 1);
    };
    await fixture.read((stop) => ({
      handleBatch: (batch) => {
        if (batch.partition === 1) {
          others.push(...offsets(batch));
          return Promise.resolve(others.at(-1)! + 1);
        }
        first.push([batch.from, offsets(batch)[0]!]);
        const next = answers[first.length - 1]!;
        // Gives partition 0 time to deliver more records, which would be a fault.
        if (next === null) more = sendMore();
        return Promise.resolve(next);
      },
      advance: (partition, next) => void (partition === 1 && next >= 12 && stop()),
    }));
    await more;
    assertEquals(first, [[0, 0], [4, 4], [2, 2], [8, 8]]);
    assertEquals(others, Array.from({ length: 12 }, (_, i) => i));
  }));

/** Records so large that each comes in a fetch of its own. */
async function sendLarge({ kafka, topic }: ReaderFixture, count: number): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  for (let i = 0; i < count; i++) {
    await producer.send({ topic, messages: [{ partition: 0, value: "x".repeat(600_000) }] });
  }
  await producer.disconnect();
}

/** Long enough for the next batch to be fetched and to wait. */
const whileMoreComes = () => new Promise((resolve) => setTimeout(resolve, 300));

Deno.test("readTopic() gives no batch that it fetched ahead instead of one that was not settled", () =>
  withReader(1, async (fixture) => {
    await sendLarge(fixture, 6);
    const calls: [from: number, offsets: number[]][] = [];
    // Settles nothing; then this batch; then another process has settled two more; then the rest.
    const answers = [0, 1, 4, 5, 6];
    await fixture.read((stop) => ({
      handleBatch: async (batch) => {
        calls.push([batch.from, offsets(batch)]);
        await whileMoreComes();
        if (calls.length === answers.length) stop();
        return answers[calls.length - 1]!;
      },
    }));
    assertEquals(calls, [[0, [0]], [0, [0]], [1, [1]], [4, [4]], [5, [5]]]);
  }));

Deno.test("readTopic() gives no batch that it fetched ahead after a failure", () =>
  withReader(1, async (fixture) => {
    await sendLarge(fixture, 3);
    const failure = new Error("it is over");
    let calls = 0;
    const error = await assertRejects(() =>
      fixture.read(() => ({
        handleBatch: async () => {
          calls++;
          await whileMoreComes();
          throw failure;
        },
      }))
    );
    assertEquals([error, calls], [failure, 1]);
  }));

Deno.test("readTopic() starts where its handler says, and asks where the log does not hold that", () =>
  withReader(2, async (fixture) => {
    await send(fixture, 0, 10);
    await send(fixture, 1, 10);
    const seen: number[][] = [[], []];
    const asked: unknown[] = [];
    await fixture.read((stop) => ({
      assign: () => Promise.resolve(new Map([[0, 7], [1, 99]])),
      outOfRange: (partition, position, range) => {
        asked.push([partition, position, range]);
        return Promise.resolve(5);
      },
      handleBatch: (batch) => {
        seen[batch.partition]!.push(...offsets(batch));
        if (seen[0]!.length === 3 && seen[1]!.length === 5) stop();
        return Promise.resolve(10);
      },
    }));
    assertEquals(asked, [[1, 99, { low: 0, high: 10 }]]);
    assertEquals(seen, [[7, 8, 9], [5, 6, 7, 8, 9]]);
  }));

for (const where of ["assign", "handleBatch", "outOfRange"] as const) {
  Deno.test(`readTopic() ends with the error that its handler throws in ${where}()`, () =>
    withReader(1, async (fixture) => {
      await send(fixture, 0, 1);
      const failure = new Error("it is over");
      const error = await assertRejects(() =>
        fixture.read(() => ({
          assign: () => Promise.resolve(new Map([[0, where === "outOfRange" ? 99 : 0]])),
          [where]: () => Promise.reject(failure),
        }))
      );
      assertEquals(error, failure);
    }));
}

Deno.test("readTopic() keeps headers in the order that Kafka's own producer gave them", () =>
  withReader(1, async (fixture) => {
    const home = await fetchKafka(() => {});
    const { success, stderr } = await pipe(`b:1,10:2,a:3,b:4,9:5,a:6\tkey\tvalue\n`, [
      "-cp",
      `${home}/lib/*`,
      "org.apache.kafka.tools.ConsoleProducer",
      "--bootstrap-server",
      testSettings().kafka.brokers.join(),
      "--topic",
      fixture.topic,
      "--property",
      "parse.headers=true",
      "--property",
      "parse.key=true",
    ]);
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const headers: string[] = [];
    await fixture.read((stop) => ({
      handleBatch: ({ messages: [message] }) => {
        for (const { key, value } of message!.headers!) headers.push(`${key}:${value}`);
        stop();
        return Promise.resolve(1);
      },
    }));
    assertEquals(headers, ["b:1", "10:2", "a:3", "b:4", "9:5", "a:6"]);
  }));

async function pipe(text: string, args: string[]): Promise<Deno.CommandOutput> {
  const process = new Deno.Command("java", {
    args,
    stdin: "piped",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const [output] = await Promise.all([
    process.output(),
    new Blob([text]).stream().pipeTo(process.stdin),
  ]);
  return output;
}

Deno.test("readTopic() asks where to read again after a topic was recreated, if brokers know no topic ids", () =>
  withReader(1, async (fixture) => {
    await send(fixture, 0, 3);
    let assigned = 0;
    const begun = Promise.withResolvers<void>();
    const reading = fixture.read((stop) => ({
      assign: (owned) => {
        if (++assigned > 1) stop();
        return Promise.resolve(new Map(owned.map((partition) => [partition, 0])));
      },
      handleBatch: (batch) => {
        begun.resolve();
        return Promise.resolve(offsets(batch).at(-1)! + 1);
      },
    }), { topicId: null });
    await begun.promise;
    await recreate(fixture);
    await send(fixture, 0, 9);
    await reading;
    assert(assigned > 1);
  }));
