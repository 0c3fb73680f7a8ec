import { CompressionTypes, type Kafka, type Message, type Producer } from "kafkajs";
import { atMost, Deadline } from "./deadline.ts";
import { encodeRecords, type Outgoing } from "./patches/encode_records.ts";
import { type Cause, causes, isUnled } from "./errors.ts";
import { fetchPartitions } from "./topic.ts";

/** What became of the records of one send; the counts add up to what was given. */
export interface Outcome {
  /** The broker has them, each once. */
  acked: number;
  /** The broker has none of them. */
  failed: number;
  /** No answer in time: the broker has them all, each once, or none. */
  unknown: number;
  /** Why not acked, and what mends it; else null. */
  fault: { code: string; kind: "temporary" | "noPermission"; reason: string; fix: string } | null;
}

/** How to send. */
export interface SenderOptions {
  topic: string;
  /** `1`: the leader's word is enough, and what it may have taken is not tried twice, since that could double it. */
  acks: "all" | "1";
  compression: "gzip" | "none";
  /** How long one send may go on trying; past it the outcome is unknown. */
  deadlineMs: number;
  /** Leaves a send only DRAIN_MS more. */
  signal: AbortSignal;
}

const DRAIN_MS = 7_000;
const DISCONNECT_MS = 2_000;
const PAUSE_MAX_MS = 2_000;

/** Opens a producer for one topic; throws kafkajs's errors, among them that the topic does not exist. */
export async function openSender(kafka: Kafka, options: SenderOptions): Promise<Sender> {
  const sender = new Sender(kafka, options, await countPartitions(kafka, options.topic));
  try {
    await sender.connect();
    return sender;
  } catch (error) {
    await sender.close();
    throw error;
  }
}

async function countPartitions(kafka: Kafka, topic: string): Promise<number> {
  const admin = kafka.admin();
  try {
    await admin.connect();
    return (await fetchPartitions(admin, topic)).length;
  } finally {
    await admin.disconnect();
  }
}

/**
 * Sends records of one partition at a time, so that a retry repeats exactly the batch that the broker may have already.
 *
 * A kafkajs send may span brokers. When a leader moves between its retries, records are left out or go again under a new
 * sequence number; so they are with two sends in flight when an answer is lost.
 */
export class Sender {
  readonly partitions: number;
  readonly #options: SenderOptions;
  readonly #producer: Producer;
  #partition = 0;
  #attempts = 0;
  #state: "idle" | "busy" | "over" = "idle";

  /** For openSender(), which knows the number of partitions. */
  constructor(kafka: Kafka, options: SenderOptions, partitions: number) {
    this.partitions = partitions;
    this.#options = options;
    const idempotent = options.acks === "all";
    this.#producer = kafka.producer({
      idempotent,
      allowAutoTopicCreation: false,
      // How soon a change in the number of partitions is seen.
      metadataMaxAge: 30_000,
      createPartitioner: () => ({ partitionMetadata }) => this.#pin(partitionMetadata.length),
      retry: { initialRetryTime: 100, maxRetryTime: PAUSE_MAX_MS, retries: idempotent ? 5 : 0 },
    });
  }

  /** Obtains the producer id that everything is sent under. */
  async connect(): Promise<void> {
    await this.#producer.connect();
  }

  /**
   * Ends when the broker has answered, or at the deadline; what goes wrong out there is in the outcome. Await it before
   * the next. After an outcome with a reason there is no next: only this producer's sequence numbers tell what was sent.
   */
  async send(partition: number, records: Outgoing[]): Promise<Outcome> {
    if (this.#state !== "idle") throw new Error(`Cannot send: the sender is ${this.#state}`);
    this.#state = "busy";
    this.#partition = partition;
    this.#attempts = 0;
    const lost = await this.#deliver(toMessages(partition, records));
    this.#state = lost ? "over" : "idle";
    const outcome = { acked: 0, failed: 0, unknown: 0, fault: lost && blame(lost.error) };
    outcome[lost?.as ?? "acked"] = records.length;
    return outcome;
  }

  /** Leaves; bounded, since kafkajs may still be trying what was given up. */
  async close(): Promise<void> {
    await atMost(DISCONNECT_MS, this.#producer.disconnect());
  }

  /** Called by kafkajs at each attempt, with the newest number of partitions it knows. */
  #pin(partitions: number): number {
    // Later attempts go where the first went, whatever the number: a leader may have the records already.
    if (++this.#attempts === 1 && partitions !== this.partitions) {
      throw new PartitionsChanged(this.partitions, partitions);
    }
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
          return answer === "acked" ? null : { as: "unknown", error };
        } catch (thrown) {
          error = thrown;
        }
        if (isRefusal(error)) return { as: this.#attempts > 1 ? "unknown" : "failed", error };
        // It answers so before it writes anything.
        const turnedAway = acks === "1" && isUnled(error);
        if (acks === "all" || turnedAway) await deadline.sleep(pauseMs);
        if ((acks === "all" || turnedAway) && !deadline.passed) continue;
        // No attempt at all means that nothing was sent.
        return { as: this.#attempts > 0 && !turnedAway ? "unknown" : "failed", error };
      }
    } finally {
      deadline.end();
    }
  }

  /** One call of kafkajs, itself some attempts. */
  async #attempt(messages: Message[]): Promise<"acked" | "unmentioned"> {
    const { topic, acks, compression } = this.#options;
    const answers = await this.#producer.send({
      topic,
      messages,
      acks: acks === "all" ? -1 : 1,
      compression: compression === "gzip" ? CompressionTypes.GZIP : CompressionTypes.None,
    });
    // An error code would have been thrown. A base offset of -1 is a yes too: the broker knows the batch from before.
    const mentioned = answers.some(({ partition }) => partition === this.#partition);
    return mentioned ? "acked" : "unmentioned";
  }
}

/** How to count records that are not acknowledged, and why. */
interface Lost {
  as: "failed" | "unknown";
  error: unknown;
}

class PartitionsChanged extends Error {
  constructor(before: number, now: number) {
    super(`the topic has ${now} partitions now, ${before} when the run began`);
    this.name = "PartitionsChanged";
  }
}

/**
 * What kafkajs asks of a list of messages on the way through a send, answered at once for all of them: it would look at
 * each to find its partition, copying the group for every one, and then encode each on its own.
 */
function toMessages(partition: number, records: Outgoing[]): Message[] {
  const bytes = encodeRecords(records);
  // It counts the list, and writes what is no hole.
  const encoded = Object.assign(Array(records.length), { 0: { buf: bytes, buffer: bytes } });
  const messages = {
    length: records.length,
    // Whether one has no value at all.
    find: () => undefined,
    // Groups by partition; the callback asks the partitioner, once an attempt.
    reduce: (group: (groups: object, message: unknown) => object) => {
      group({}, {});
      return { [partition]: messages };
    },
    // First their times, of which they have none of their own; then, with their numbers, each as bytes.
    map: (each: (message: unknown, index: number) => unknown) => each.length === 1 ? [] : encoded,
  };
  return messages as unknown as Message[];
}

/** Whether an answer was no, for good; all else is worth another attempt. */
function isRefusal(error: unknown): boolean {
  return causes(error).some(({ name, retriable }) =>
    name === "PartitionsChanged" || (name === "KafkaJSProtocolError" && retriable === false)
  );
}

function blame(error: unknown): NonNullable<Outcome["fault"]> {
  const { name, type, message }: Cause = causes(error).at(-1) ?? { name: "", message: `${error}` };
  const reason = type ? `the broker answered ${type}` : message;
  const code = type ?? name;
  // Of the topic, or of the cluster, whose right an old broker wants from who sends each record once.
  const kind = code.endsWith("_AUTHORIZATION_FAILED") ? "noPermission" : "temporary";
  return { code, kind, reason, fix: FIXES[code] ?? "check the brokers, then run again" };
}

const FIXES: Record<string, string> = {
  MESSAGE_TOO_LARGE:
    "--compression gzip, a smaller --batch-size, or a larger max.message.bytes of the topic",
  TOPIC_AUTHORIZATION_FAILED: "grant the user of this connection write on the topic",
  PartitionsChanged: "run again: from now on keys belong to other partitions",
};
