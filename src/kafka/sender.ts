import { CompressionTypes, type Kafka, type Message, type Producer } from "kafkajs";
import { atMost, Deadline } from "./deadline.ts";
import { encodeRecords, type Outgoing } from "./patches/encode_records.ts";
import { causes, isUnled } from "./causes.ts";
import {
  isRefusal,
  PartitionsChanged,
  type SendFault,
  TopicRecreated,
  toSendFault,
} from "./send_fault.ts";
import { isSameTopic, openTopic, type SenderTopic, type Topic, topicOf } from "./topic.ts";

/** The result of one send; the counts add up to the number of records. */
export interface Outcome {
  /** The broker has them, each once. */
  acked: number;
  /** The broker has none of them. */
  failed: number;
  /** No answer in time: the broker has them all, each once, or none. */
  unknown: number;
  /** Why the run must stop, and what to do about it; null when it can go on. */
  fault: SendFault | null;
}

/** How to send. */
export interface SenderOptions {
  topic: string;
  /** `1`: only the leader acknowledges, and a send without an answer is not retried, since that could duplicate records. */
  acks: "all" | "1";
  compression: "gzip" | "none";
  /** The time limit of one send with its retries; after it the outcome is unknown. */
  deadlineMs: number;
  /** After it a send has at most DRAIN_MS left. */
  signal: AbortSignal;
}

const DRAIN_MS = 7_000;
const DISCONNECT_MS = 2_000;
const PAUSE_MAX_MS = 2_000;
const LOWER_OFFSET = "the broker stored records at offsets that it had used before";

/** Opens a producer for one topic; throws kafkajs's errors, among them that the topic does not exist. */
export async function openSender(kafka: Kafka, options: SenderOptions): Promise<Sender> {
  const log = await openTopic(kafka, options.topic);
  let sender: Sender | null = null;
  try {
    sender = new Sender(kafka, options, log, await log.describe());
    await sender.connect();
    return sender;
  } catch (error) {
    await (sender ?? log).close();
    throw error;
  }
}

/**
 * Sends records of one partition at a time, so that a retry repeats exactly the batch that the broker may already have.
 *
 * A kafkajs send may span brokers. When a leader moves between its retries, records are lost or sent again under a new
 * sequence number. The same happens with two sends in flight when an answer is lost.
 */
export class Sender {
  /** How many partitions the topic has; grows with it. */
  partitions: number;
  readonly #topic: SenderTopic;
  readonly #log: Pick<Topic, "describe" | "close">;
  readonly #kafka: Kafka;
  /** By partition, the offset after the last acknowledged record; shared with the siblings. */
  readonly #ends: Map<number, number>;
  readonly #options: SenderOptions;
  readonly #producer: Producer;
  #partition = 0;
  #attempts = 0;
  #trouble: string | null = null;
  #state: "idle" | "busy" | "over" = "idle";

  /** For openSender(), which knows the topic. */
  constructor(
    kafka: Kafka,
    options: SenderOptions,
    log: Pick<Topic, "describe" | "close">,
    topic: SenderTopic,
    ends = new Map<number, number>(),
  ) {
    this.#ends = ends;
    this.partitions = topic.partitions;
    this.#topic = topic;
    this.#log = log;
    this.#kafka = kafka;
    this.#options = options;
    const idempotent = options.acks === "all";
    this.#producer = kafka.producer({
      idempotent,
      allowAutoTopicCreation: false,
      // New partitions are noticed within this time.
      metadataMaxAge: 30_000,
      createPartitioner: () => ({ partitionMetadata }) => this.#pin(topicOf(partitionMetadata)),
      retry: { initialRetryTime: 100, maxRetryTime: PAUSE_MAX_MS, retries: idempotent ? 5 : 0 },
    });
  }

  /** Why the send in flight has not succeeded so far; null when no attempt has failed. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Another sender of the same topic, not yet connected. */
  sibling(): Sender {
    return new Sender(this.#kafka, this.#options, this.#log, this.#topic, this.#ends);
  }

  /** Connects and obtains the producer id. */
  async connect(): Promise<void> {
    await this.#producer.connect();
  }

  /**
   * Resolves when the broker has answered or the deadline has passed; failures are in the outcome. Await it before the
   * next send. After a fault the sender cannot be used: only its sequence numbers tell the broker what was sent.
   */
  async send(partition: number, records: Outgoing[]): Promise<Outcome> {
    if (this.#state !== "idle") throw new Error(`Cannot send: the sender is ${this.#state}`);
    this.#state = "busy";
    this.#partition = partition;
    this.#attempts = 0;
    const lost = await this.#deliver(toMessages(partition, records));
    this.#trouble = null;
    this.#state = lost ? "over" : "idle";
    const outcome = { acked: 0, failed: 0, unknown: 0, fault: lost && toSendFault(lost.error) };
    outcome[lost?.as ?? "acked"] = records.length;
    return outcome;
  }

  /** Disconnects, with a time limit, since kafkajs may still retry an abandoned send; its siblings stay connected. */
  async disconnect(): Promise<void> {
    await atMost(DISCONNECT_MS, this.#producer.disconnect());
  }

  /** Disconnects, and closes what the siblings share. */
  async close(): Promise<void> {
    await Promise.all([this.disconnect(), this.#log.close()]);
  }

  /** Whether the topic is still the one that the run began with: null, or the reason to stop. */
  async checkTopic(): Promise<SendFault | null> {
    try {
      return isSameTopic(this.#topic, await this.#log.describe())
        ? null
        : toSendFault(new TopicRecreated("its id is another"));
    } catch (error) {
      // The acknowledgements stand if Kafka cannot be asked, or elects leaders.
      const isMissing = causes(error).some(({ type }) => type === "UNKNOWN_TOPIC_OR_PARTITION");
      return isMissing ? toSendFault(new TopicRecreated("it does not exist now")) : null;
    }
  }

  /** Called by kafkajs at each attempt, with what it knows about the topic by now. */
  #pin(topic: SenderTopic): number {
    if (!isSameTopic(this.#topic, topic)) throw new TopicRecreated("its id is another");
    // Retries use the same partition even if the topic has grown: the leader may already have the records.
    if (++this.#attempts === 1 && topic.partitions < this.partitions) {
      throw new PartitionsChanged(this.partitions, topic.partitions);
    }
    this.partitions = Math.max(this.partitions, topic.partitions);
    return this.#partition;
  }

  /** Null when acknowledged. */
  async #deliver(messages: Message[]): Promise<Lost | null> {
    const { deadlineMs, acks, signal } = this.#options;
    const deadline = new Deadline({ ms: deadlineMs, signal, hurryMs: DRAIN_MS });
    let error: unknown = new Error("no answer in time");
    try {
      for (let pauseMs = 100;; pauseMs = Math.min(2 * pauseMs, PAUSE_MAX_MS)) {
        try {
          const answer = await deadline.race(this.#attempt(messages));
          if (answer === "recreated") {
            return { as: "acked", error: new TopicRecreated(LOWER_OFFSET) };
          }
          return answer === "acked" ? null : { as: "unknown", error };
        } catch (thrown) {
          error = thrown;
          this.#trouble = toSendFault(error).reason;
        }
        if (isRefusal(error)) return { as: this.#attempts > 1 ? "unknown" : "failed", error };
        // The broker gives this answer before it writes anything.
        const notLeader = acks === "1" && isUnled(error);
        if (acks === "all" || notLeader) await deadline.sleep(pauseMs);
        if ((acks === "all" || notLeader) && !deadline.passed) continue;
        // No attempt at all means that nothing was sent.
        return { as: this.#attempts > 0 && !notLeader ? "unknown" : "failed", error };
      }
    } finally {
      deadline.end();
    }
  }

  /** One call of kafkajs, which makes several attempts. */
  async #attempt(messages: Message[]): Promise<"acked" | "recreated" | "unmentioned"> {
    const { topic, acks, compression } = this.#options;
    const answers = await this.#producer.send({
      topic,
      messages,
      acks: acks === "all" ? -1 : 1,
      compression: compression === "gzip" ? CompressionTypes.GZIP : CompressionTypes.None,
    });
    // kafkajs throws on an error code. A base offset of -1 means acked too: the broker already had the batch.
    const answer = answers.find(({ partition }) => partition === this.#partition);
    if (!answer) return "unmentioned";
    const offset = Number(answer.baseOffset ?? -1);
    if (offset < 0) return "acked";
    const isBehind = offset < (this.#ends.get(this.#partition) ?? 0);
    this.#ends.set(this.#partition, offset + messages.length);
    // Offsets only grow, but a new topic begins at 0.
    return isBehind ? "recreated" : "acked";
  }
}

/** How to count the records of the last send, and why there is no next one. */
interface Lost {
  as: "acked" | "failed" | "unknown";
  error: unknown;
}

/**
 * An object with the array methods that kafkajs calls during a send, answered for all messages at once. kafkajs would
 * look up the partition of each message, copying the group every time, and encode each message on its own.
 */
function toMessages(partition: number, records: Outgoing[]): Message[] {
  const bytes = encodeRecords(records);
  // kafkajs counts the list and skips its empty slots when it writes.
  const encoded = Object.assign(Array(records.length), { 0: { buf: bytes, buffer: bytes } });
  const messages = {
    length: records.length,
    // kafkajs looks for a message without a value.
    find: () => undefined,
    // Groups by partition; the callback calls the partitioner, once per attempt.
    reduce: (group: (groups: object, message: unknown) => object) => {
      group({}, {});
      return { [partition]: messages };
    },
    // The first call asks for timestamps, of which there are none; the second, with the index, for the bytes.
    map: (each: (message: unknown, index: number) => unknown) => each.length === 1 ? [] : encoded,
  };
  return messages as unknown as Message[];
}
