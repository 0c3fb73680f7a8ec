import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Admin, Kafka, logLevel, Partitioners } from "kafkajs";
import { connect, type Socket } from "node:net";
import { type ProduceDeps, runProduce } from "../../src/commands/produce/produce.ts";
import type { OperationalError } from "../../src/errors.ts";
import { explainKafka } from "../../src/kafka/errors.ts";
import { LANES_MAX, openSenders } from "../../src/kafka/senders.ts";
import { openSender, type SenderOptions } from "../../src/kafka/sender.ts";
import { sleep } from "../../src/system.ts";
import { partitionOf } from "../../src/commands/produce/partitioner.ts";
import type { GeneratedRecord } from "../../src/commands/produce/records.ts";
import type { Message } from "../../src/record/validate.ts";
import { testSettings, uniqueName, withTopic } from "../support/fixtures.ts";

const never = new AbortController().signal;

interface Seen {
  partition: number;
  key: string | null;
  value: Uint8Array | null;
  headers: Record<string, string>;
  /** Not all of it was received. */
  isCut?: true;
}

interface SenderFixture {
  topic: string;
  kafka: Kafka;
  admin: Admin;
  options: SenderOptions;
}

/** A topic of its own for one test, and how to send to it. */
async function withSenderOptions(
  partitions: number,
  test: (fixture: SenderFixture) => Promise<void>,
): Promise<void> {
  await withTopic({ partitions }, async (fixture) => {
    const { topic } = fixture;
    const options = { topic, acks: "all", compression: "gzip", deadlineMs: 30_000 } as const;
    await test({ ...fixture, options: { ...options, signal: never } });
  });
}

/** Everything in the topic, by partition and offset. */
async function readAll({ kafka, admin, topic }: SenderFixture): Promise<Seen[]> {
  const offsets = await admin.fetchTopicOffsets(topic);
  const total = offsets.reduce((sum, { high }) => sum + Number(high), 0);
  const seen: (Seen & { offset: number })[] = [];
  const done = Promise.withResolvers<void>();
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachMessage: ({ partition, message }) => {
      const { key, value, headers, offset } = message;
      // As keepHeaderList() has them, whatever kafkajs's types say.
      const list = headers as unknown as NonNullable<Message["headers"]>;
      const texts = list.map(({ key, value }) => [key, new TextDecoder().decode(value!)]);
      seen.push({
        partition,
        offset: Number(offset),
        key: key && key.toString(),
        value: value && Uint8Array.from(value),
        headers: Object.fromEntries(texts),
        ...("damage" in message && { isCut: true }),
      });
      if (seen.length === total) done.resolve();
      return Promise.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  await admin.deleteGroups([topic]);
  return seen.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
    .map(({ offset: _offset, ...record }) => record);
}

Deno.test("partitionOf() agrees with kafkajs on keys of every length", () => {
  const theirs = Partitioners.DefaultPartitioner();
  const keys = Array.from({ length: 300 }, (_, i) => "x€7".repeat(10).slice(0, i % 30) + i);
  for (const partitions of [1, 3, 12]) {
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => {
      return { partitionId, leader: 0 } as never;
    });
    for (const key of keys) {
      const message = { key, value: "" };
      assertEquals(partitionOf(key, partitions), theirs({ topic: "", partitionMetadata, message }));
    }
  }
});

Deno.test("openSender() fails for a topic that does not exist, with the command that creates it", async () => {
  const { kafka: settings } = testSettings([`kafka.topic=${uniqueName("none")}`]);
  const { topic, brokers } = settings;
  await withSenderOptions(1, async ({ kafka, options }) => {
    const error = await assertRejects(() => openSender(kafka, { ...options, topic }));
    const failure = explainKafka(error, settings) as OperationalError;
    assertEquals(failure.kind, "unavailable");
    assertEquals(failure.message, `topic "${topic}" does not exist on ${brokers.join(", ")}`);
    assertEquals(failure.hint, ["routes migrate --topic"]);
  });
});

const bytes = Uint8Array.of(0, 0xff, 10, 0x80);
const records: GeneratedRecord[] = [
  { key: "7", value: "é" },
  { key: null, value: bytes, headers: { "routes-invalid": "utf8/stray-byte" } },
  { key: "7", value: null },
  { key: "8", value: "" },
];

for (const compression of ["gzip", "none"] as const) {
  for (const acks of ["all", "1"] as const) {
    Deno.test(`send() keeps key, value and headers unchanged (${compression}, acks ${acks})`, async () => {
      await withSenderOptions(3, async (fixture) => {
        const sender = await openSender(fixture.kafka, { ...fixture.options, compression, acks });
        assertEquals(sender.partitions, 3);
        const outcome = await sender.send(1, records);
        assertEquals(outcome.acked, records.length, JSON.stringify(outcome));
        await sender.close();
        const text = (value: string) => new TextEncoder().encode(value);
        assertEquals(await readAll(fixture), [
          { partition: 1, key: "7", value: text("é"), headers: {} },
          { partition: 1, key: null, value: bytes, headers: records[1]!.headers! },
          { partition: 1, key: "7", value: null, headers: {} },
          { partition: 1, key: "8", value: text(""), headers: {} },
        ]);
      });
    });
  }
}

Deno.test("send() counts records that are too large as failed", async () => {
  await withSenderOptions(1, async ({ kafka, options, admin, topic }) => {
    const sender = await openSender(kafka, { ...options, compression: "none" });
    const outcome = await sender.send(0, [{ key: null, value: "x".repeat(1_048_577) }]);
    await sender.close();
    assertEquals([outcome.acked, outcome.failed, outcome.unknown], [0, 1, 0]);
    assertEquals(outcome.fault?.reason, "the broker answered MESSAGE_TOO_LARGE");
    const [offsets] = await admin.fetchTopicOffsets(topic);
    assertEquals(offsets!.high, "0");
  });
});

// The fault of the socket at the third produce request.
const faults: {
  name: string;
  strike: (socket: Socket, write: () => boolean, broker: { away: boolean }) => boolean;
}[] = [
  {
    name: "the request is lost",
    strike: (socket) => {
      socket.destroy(new Error("cut"));
      return false;
    },
  },
  {
    name: "the answer is lost",
    strike: (socket, write) => {
      socket.removeAllListeners("data");
      socket.on("data", () => socket.destroy(new Error("cut")));
      return write();
    },
  },
  {
    name: "the answer is lost and the broker away until kafkajs gives up",
    strike: (socket, write, broker) => {
      broker.away = true;
      socket.removeAllListeners("data");
      socket.on("data", () => {
        socket.destroy(new Error("cut"));
        setTimeout(() => broker.away = false, 1_000);
      });
      return write();
    },
  },
];

for (const { name, strike } of faults) {
  Deno.test(`send() leaves each record in the topic once when ${name}`, async () => {
    await withSenderOptions(2, async (fixture) => {
      const { kafka, struck } = faultyKafka(strike);
      const sender = await openSender(kafka, fixture.options);
      let acked = 0;
      for (let i = 0; i < 10; i++) {
        const batch = [1, 2, 3].map((n) => ({ key: null, value: `${i}.${n}` }));
        acked += (await sender.send(i % 2, batch)).acked;
      }
      await sender.close();
      assertEquals(acked, 30);
      assert(struck());
      const values = (await readAll(fixture)).map(({ value }) => new TextDecoder().decode(value!));
      assertEquals(values.length, 30);
      assertEquals(new Set(values).size, 30);
    });
  });
}

function faultyKafka(strike: (typeof faults)[number]["strike"]) {
  const broker = { away: false };
  let requests = 0;
  const kafka = new Kafka({
    brokers: testSettings().kafka.brokers,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 1 },
    socketFactory: ({ host, port, onConnect }) => {
      // Nothing listens on port 1.
      const socket = connect({ host, port: broker.away ? 1 : port }, onConnect);
      const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
      socket.write = (...args: unknown[]) => {
        // A frame is its length in four bytes, then the number of the API; 0 is Produce.
        const frame = args[0] as Uint8Array;
        const produces = frame.length > 6 && frame[4] === 0 && frame[5] === 0;
        const pass = () => write(...args);
        return produces && ++requests === 3 ? strike(socket, pass, broker) : pass();
      };
      return socket;
    },
  });
  return { kafka, struck: () => requests > 3 };
}

function deps({ sender = null, stdin = ReadableStream.from([]), write = () => Promise.resolve() }: {
  sender?: ProduceDeps["sender"];
  stdin?: ReadableStream<Uint8Array>;
  write?: ProduceDeps["stdout"]["write"];
}): ProduceDeps {
  return {
    topic: "t",
    sender,
    reporter: { note: () => {}, progress: () => {} },
    system: {
      stdin,
      now: () => Date.now(),
      clock: () => performance.now(),
      sleep,
      random: () => 1,
      signal: never,
    },
    stdout: { write },
  };
}

const options = {
  count: 3_000,
  durationMs: null,
  ratePerSecond: null,
  users: 50,
  model: "traffic",
  center: [60.1699, 24.9384],
  radiusM: 25_000,
  speedKmh: 40,
  intervalMs: 5_000,
  startMs: 1_732_431_234_567,
  seed: 42,
  invalidPercent: 0,
  stdin: false,
  key: "user",
  userField: "userID",
  acks: "all",
  compression: "gzip",
  batchSize: 100,
  dryRun: false,
  tee: false,
  strict: false,
  skipBad: false,
} as const;

Deno.test("produce sends the records that a dry run prints, each once, to the partition of its key", async () => {
  await withSenderOptions(5, async (fixture) => {
    const sender = await openSenders(fixture.kafka, fixture.options, LANES_MAX);
    const { tally } = await runProduce(
      { ...options, center: [60, 25] },
      deps({ sender }),
    );
    await sender.close();
    assertEquals([tally.acked, tally.failed, tally.unknown], [3_000, 0, 0]);

    const seen = await readAll(fixture);
    for (const { partition, key, value } of seen) {
      assertEquals(partition, partitionOf(key!, 5));
      assertEquals(key, String(JSON.parse(new TextDecoder().decode(value!)).userID));
    }
    const printed = await print({ ...options, center: [60, 25], dryRun: true });
    const found = seen.map(({ value }) => new TextDecoder().decode(value!));
    assertEquals(found.toSorted(), printed.split("\n").slice(0, -1).toSorted());
  });
});

Deno.test("widen() adds senders up to one for each partition, which send at the same time", async () => {
  await withSenderOptions(5, async (fixture) => {
    const sender = await openSenders(fixture.kafka, fixture.options, 1);
    const lanes = [sender.lanes];
    for (let i = 0; i < 4; i++) {
      await sender.widen();
      lanes.push(sender.lanes);
    }
    const values = ["a", "b", "c", "d", "e"];
    const outcomes = await Promise.all(values.map((value, partition) => {
      return sender.send(partition, [{ key: null, value }]);
    }));
    await sender.close();
    assertEquals(lanes, [1, 2, 4, 5, 5]);
    assertEquals(outcomes.map(({ acked, fault }) => [acked, fault]), Array(5).fill([1, null]));
    const seen = await readAll(fixture);
    assertEquals(
      seen.map(({ partition, value }) => [partition, new TextDecoder().decode(value!)]).toSorted(),
      [...values.entries()],
    );
  });
});

Deno.test("produce keeps the order of each user's records", async () => {
  await withSenderOptions(3, async (fixture) => {
    const sender = await openSenders(fixture.kafka, fixture.options, LANES_MAX);
    await runProduce({ ...options, center: [60, 25], batchSize: 7 }, deps({ sender }));
    await sender.close();
    const last = new Map<string, number>();
    for (const { key, value } of await readAll(fixture)) {
      const { timestamp } = JSON.parse(new TextDecoder().decode(value!));
      assert(timestamp > (last.get(key!) ?? 0));
      last.set(key!, timestamp);
    }
    assertEquals(last.size, 50);
  });
});

Deno.test("produce labels every invalid record, large ones too", async () => {
  await withSenderOptions(3, async (fixture) => {
    const sender = await openSenders(fixture.kafka, fixture.options, LANES_MAX);
    const spoilt = { ...options, center: [60, 25] as [number, number], invalidPercent: 5 };
    const { tally } = await runProduce(spoilt, deps({ sender }));
    await sender.close();
    assertEquals([tally.acked, tally.invalid], [3_000, 150]);
    const seen = await readAll(fixture);
    const labels = seen.flatMap(({ headers }) => headers["routes-invalid"] ?? []);
    // Headers over the bound are not kept, and the label is one of them.
    const cut = seen.filter(({ isCut, headers }) => isCut && !headers["routes-invalid"]);
    assertEquals(labels.length + cut.length, 150);
    const codes = new Set(labels.map((label) => label.split("/")[0]!));
    assertEquals(
      codes,
      new Set(["size", "json_syntax", "utf8", "schema", "depth", "tombstone"]),
    );
  });
});

Deno.test("produce --stdin sends lines unchanged up to an invalid one, and reports it", async () => {
  await withSenderOptions(2, async (fixture) => {
    const good = (n: number) => `{ "userId":${n}, "timestamp":1e3,"coordinates":[1.50,2] }`;
    const lines = [good(1), good(2), good(3), "{nonsense", good(5)];
    const sender = await openSenders(fixture.kafka, fixture.options, LANES_MAX);
    const { tally, failure } = await runProduce(
      { ...options, center: [60, 25], count: null, stdin: true },
      deps({ sender, stdin: new Blob([lines.join("\n")]).stream() }),
    );
    await sender.close();
    assertEquals(tally.acked, 3);
    assertEquals(failure?.kind, "data");
    assert(failure?.message.startsWith("line 4 of stdin is not a valid record"), failure?.message);
    const seen = await readAll(fixture);
    assertEquals(
      seen.map(({ key, value }) => [key, new TextDecoder().decode(value!)]).toSorted(),
      [["1", good(1)], ["2", good(2)], ["3", good(3)]],
    );
  });
});

async function print(options: Parameters<typeof runProduce>[0]): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  await runProduce(
    options,
    deps({ write: (data) => Promise.resolve(void (text += decoder.decode(data as Uint8Array))) }),
  );
  return text;
}

Deno.test("send() says that a compacted topic needs keys", () =>
  withTopic(
    { partitions: 1, configs: { "cleanup.policy": "compact" } },
    async ({ topic, kafka }) => {
      const sender = await openSender(kafka, {
        topic,
        acks: "all",
        compression: "none",
        deadlineMs: 10_000,
        signal: never,
      });
      const { fault } = await sender.send(0, [{ key: null, value: "1" }]);
      await sender.close();
      assertEquals(fault?.hint, "a compacted topic needs keys: leave out --key none");
    },
  ));
