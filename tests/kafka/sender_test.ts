import { assertEquals, assertRejects } from "@std/assert";
import type { Kafka } from "kafkajs";
import { Sender, type SenderOptions } from "../../src/kafka/sender.ts";

const records = [{ key: "7", value: "a" }, { key: "7", value: "b" }];
const PARTITION = 2;

// As kafkajs throws them, which producing_test.ts checks against a broker.
const cut = Object.assign(new Error("kafkajs gave up"), {
  name: "KafkaJSNonRetriableError",
  retriable: false,
  cause: Object.assign(new Error("Connection error: cut"), {
    name: "KafkaJSConnectionError",
    retriable: true,
    code: "ECONNRESET",
  }),
});
const unwritable = Object.assign(new Error("Not authorized"), {
  name: "KafkaJSProtocolError",
  retriable: false,
  type: "TOPIC_AUTHORIZATION_FAILED",
});
const notLeading = Object.assign(new Error("kafkajs gave up"), {
  name: "KafkaJSNumberOfRetriesExceeded",
  retriable: false,
  cause: Object.assign(new Error("This server is not the leader"), {
    name: "KafkaJSProtocolError",
    retriable: true,
    type: "NOT_LEADER_FOR_PARTITION",
  }),
});

/** What a call of kafkajs does: attempts, seeing so many partitions, and how it ends. */
interface Call {
  attempts: number;
  partitions?: number;
  ends: Error | "acked" | "elsewhere" | "never";
}

/** A producer that follows the script, asking the partitioner once an attempt as kafkajs does. */
function scripted(calls: Call[]): { kafka: Kafka; made: () => number } {
  let made = 0;
  const producer = (options: { createPartitioner: () => (args: unknown) => number }) => ({
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    send: async ({ messages }: { messages: unknown[] }) => {
      const { attempts, partitions = 3, ends } = calls[Math.min(made++, calls.length - 1)]!;
      const partition = options.createPartitioner();
      for (let i = 0; i < attempts; i++) {
        const grouped = messages.reduce((groups, message) => {
          const target = partition({ partitionMetadata: Array(partitions), message });
          return Object.assign(groups as object, { [target]: [message] });
        }, {});
        assertEquals(grouped, { [PARTITION]: messages });
      }
      if (ends === "never") await new Promise(() => {});
      if (ends instanceof Error) throw ends;
      return [{ partition: ends === "acked" ? PARTITION : 0, errorCode: 0, baseOffset: "-1" }];
    },
  });
  return { kafka: { producer } as unknown as Kafka, made: () => made };
}

function open(
  kafka: Kafka,
  changes: Partial<SenderOptions> = {},
  describe = () => Promise.resolve({ partitions: 3, id: "a" }),
): Sender {
  const log = { describe, close: () => Promise.resolve() };
  const { signal } = new AbortController();
  const options = {
    topic: "t",
    acks: "all",
    compression: "none",
    deadlineMs: 250,
    signal,
  } as const;
  return new Sender(kafka, { ...options, ...changes }, log, { partitions: 3, id: "a" });
}

const acked: Call = { attempts: 1, ends: "acked" };
const cases: {
  name: string;
  calls: Call[];
  options?: Partial<SenderOptions>;
  as: "acked" | "failed" | "unknown";
  made: number;
  reason: string | null;
}[] = [
  { name: "an acknowledgement", calls: [acked], as: "acked", made: 1, reason: null },
  {
    name: "an acknowledgement after retries inside kafkajs",
    calls: [{ attempts: 3, ends: "acked" }],
    as: "acked",
    made: 1,
    reason: null,
  },
  {
    name: "an acknowledgement after kafkajs gave up once",
    calls: [{ attempts: 2, ends: cut }, acked],
    as: "acked",
    made: 2,
    reason: null,
  },
  {
    name: "a refusal of the first attempt",
    calls: [{ attempts: 1, ends: unwritable }],
    as: "failed",
    made: 1,
    reason: "the broker answered TOPIC_AUTHORIZATION_FAILED",
  },
  {
    name: "a refusal before the first attempt",
    calls: [{ attempts: 0, ends: unwritable }],
    as: "failed",
    made: 1,
    reason: "the broker answered TOPIC_AUTHORIZATION_FAILED",
  },
  {
    name: "a refusal after an attempt that may have arrived",
    calls: [{ attempts: 2, ends: unwritable }],
    as: "unknown",
    made: 1,
    reason: "the broker answered TOPIC_AUTHORIZATION_FAILED",
  },
  {
    name: "no answer until the deadline",
    calls: [{ attempts: 1, ends: "never" }],
    as: "unknown",
    made: 1,
    reason: "no answer in time",
  },
  {
    name: "cut connections until the deadline",
    calls: [{ attempts: 1, ends: cut }],
    as: "unknown",
    made: 2,
    reason: "Connection error: cut",
  },
  {
    name: "no connection at all until the deadline",
    calls: [{ attempts: 0, ends: cut }],
    as: "failed",
    made: 2,
    reason: "Connection error: cut",
  },
  {
    name: "an answer that leaves the partition out",
    calls: [{ attempts: 2, ends: "elsewhere" }],
    as: "unknown",
    made: 1,
    reason: "no answer in time",
  },
  {
    name: "a cut connection with acks=1, and does not try again",
    calls: [{ attempts: 1, ends: cut }, acked],
    options: { acks: "1" },
    as: "unknown",
    made: 1,
    reason: "Connection error: cut",
  },
  {
    name: "an acknowledgement with acks=1, after a broker that did not lead yet",
    calls: [{ attempts: 1, ends: notLeading }, acked],
    options: { acks: "1" },
    as: "acked",
    made: 2,
    reason: null,
  },
  {
    name: "no leader with acks=1 until the deadline",
    calls: [{ attempts: 1, ends: notLeading }],
    options: { acks: "1" },
    as: "failed",
    made: 2,
    reason: "the broker answered NOT_LEADER_FOR_PARTITION",
  },
  {
    name: "a cut connection with acks=1, after a broker that did not lead yet",
    calls: [{ attempts: 1, ends: notLeading }, { attempts: 1, ends: cut }, acked],
    options: { acks: "1" },
    as: "unknown",
    made: 2,
    reason: "Connection error: cut",
  },
  {
    name: "a topic that has fewer partitions than before",
    calls: [{ attempts: 1, partitions: 2, ends: "acked" }],
    as: "failed",
    made: 1,
    reason: "the topic has 2 partitions now, 3 when the run began",
  },
];

for (const { name, calls, options, as, made, reason } of cases) {
  Deno.test(`Sender counts as ${as} what ends in ${name}`, async () => {
    const script = scripted(calls);
    const { fault, ...counts } = await open(script.kafka, options).send(PARTITION, records);
    assertEquals(counts, { acked: 0, failed: 0, unknown: 0, [as]: records.length });
    assertEquals(fault?.reason ?? null, reason);
    assertEquals(script.made(), made);
  });
}

Deno.test("Sender goes on after an acknowledgement", async () => {
  const sender = open(scripted([acked]).kafka);
  assertEquals((await sender.send(PARTITION, records)).acked, 2);
  assertEquals((await sender.send(PARTITION, records)).acked, 2);
});

Deno.test("Sender refuses a second send while one is in flight", async () => {
  const sender = open(scripted([{ attempts: 1, ends: "never" }]).kafka, { deadlineMs: 50 });
  const first = sender.send(PARTITION, records);
  await assertRejects(() => sender.send(PARTITION, records), Error, "the sender is busy");
  await first;
});

Deno.test("Sender does not send again after an unknown outcome", async () => {
  const sender = open(scripted([{ attempts: 1, ends: "never" }, acked]).kafka, { deadlineMs: 50 });
  assertEquals((await sender.send(PARTITION, records)).unknown, 2);
  await assertRejects(() => sender.send(PARTITION, records), Error, "the sender is over");
});

Deno.test("Sender learns of partitions that were added", async () => {
  const sender = open(scripted([{ attempts: 1, partitions: 6, ends: "acked" }]).kafka);
  assertEquals((await sender.send(PARTITION, records)).acked, 2);
  assertEquals(sender.partitions, 6);
});

Deno.test("Sender keeps sending to its partition when the topic grows between two attempts", async () => {
  const sender = open(
    scripted([{ attempts: 1, ends: cut }, { attempts: 1, partitions: 4, ends: "acked" }]).kafka,
  );
  assertEquals((await sender.send(PARTITION, records)).acked, 2);
});

Deno.test("a sender stops when offsets begin again, which only those of another topic do", async () => {
  const baseOffsets = ["100", "102", "0"];
  const producer = {
    connect: () => Promise.resolve(),
    disconnect: () => Promise.resolve(),
    send: () =>
      Promise.resolve([{ partition: PARTITION, errorCode: 0, baseOffset: baseOffsets.shift() }]),
  };
  const sender = open({ producer: () => producer } as unknown as Kafka);
  const faults = [];
  for (let i = 0; i < 3; i++) faults.push((await sender.send(PARTITION, records)).fault?.code);
  assertEquals(faults, [undefined, undefined, "TopicRecreated"]);
});

for (
  const [type, code] of [
    ["UNKNOWN_TOPIC_OR_PARTITION", "TopicRecreated"],
    ["LEADER_NOT_AVAILABLE", undefined],
    ["NOT_LEADER_FOR_PARTITION", undefined],
  ] as const
) {
  Deno.test(`checkTopic() ${code ? "reports a topic" : "proves nothing"} when the broker answers ${type}`, async () => {
    const answer = Object.assign(new Error(type), { name: "KafkaJSProtocolError", type });
    const { kafka } = scripted([]);
    const sender = open(kafka, {}, () => Promise.reject(answer));
    assertEquals((await sender.checkTopic())?.code, code);
  });
}
