import type { Kafka } from "kafkajs";
import { type ErrorKind, OperationalError } from "../errors.ts";
import type { SendFault } from "./send_fault.ts";
import { openSender, type Outcome, type Sender } from "./sender.ts";

/** A rejected record, as it is sent to the dead-letter topic. */
export interface Letter {
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: { key: string; value: Uint8Array | null }[];
}

/** Sends rejected records to the dead-letter topic. */
export interface DeadLetterTopic {
  /** Resolves when the broker has all letters. Letters from one partition go to one partition, in order. */
  post(partition: number, letters: Letter[]): Promise<void>;
  close(): Promise<void>;
}

/** How letters are sent. */
interface DeadLetterOptions {
  topic: string;
  /** Turns an error of the client into a message for the user. */
  explain(error: unknown): Error;
  signal: AbortSignal;
}

/** Two attempts take less time than the limit after which a consumer without progress restarts. */
const DEADLINE_MS = 20_000;
/** Half of Kafka's default batch limit of 1 MiB; a batch is larger only if a single letter is. */
const BATCH_BYTES = 524_288;
const BATCH_COUNT = 500;
const TOO_LARGE = ["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"];
/** The header of a letter that was sent without its value. */
const OMITTED = "routes.value.omitted";
const encoder = new TextEncoder();

/** Opens a producer for the dead-letter topic; fails when the topic does not exist. */
export async function openDeadLetterTopic(
  kafka: Kafka,
  options: DeadLetterOptions,
): Promise<DeadLetterTopic> {
  const { topic, explain, signal } = options;
  let sender: Sender | null = await open();
  let turn = Promise.resolve();
  return {
    post: (partition, letters) => {
      const posting = turn = turn.then(() => post(partition, letters));
      // One send at a time: calls that wait for it fail with it, later calls try again.
      posting.catch(() => {
        if (turn === posting) turn = Promise.resolve();
      });
      return posting;
    },
    close: async () => {
      await turn.catch(() => {});
      await sender?.close();
    },
  };

  async function open(): Promise<Sender> {
    try {
      return await openSender(kafka, {
        topic,
        acks: "all",
        compression: "gzip",
        deadlineMs: DEADLINE_MS,
        signal,
      });
    } catch (error) {
      throw explain(error);
    }
  }

  async function post(partition: number, letters: Letter[]): Promise<void> {
    for (const batch of batches(letters)) await postBatch(partition, batch);
  }

  async function postBatch(partition: number, batch: Letter[]): Promise<void> {
    const fault = await send(partition, batch) && await send(partition, batch);
    if (!fault) return;
    const smaller = TOO_LARGE.includes(fault.code) ? makeSmaller(batch) : null;
    if (!smaller) throw undelivered(topic, fault);
    for (const part of smaller) await postBatch(partition, part);
  }

  /** Returns null when the broker has the batch. */
  async function send(partition: number, batch: Letter[]): Promise<Outcome["fault"]> {
    sender ??= await open();
    const { fault } = await sender.send(partition % sender.partitions, batch);
    if (!fault) return null;
    // A sender cannot be used after a fault. A new one may send letters twice, but loses none.
    await sender.close();
    sender = null;
    return fault;
  }
}

/** What to send in place of a batch that the topic does not accept; null if it cannot be smaller. */
function makeSmaller(batch: Letter[]): Letter[][] | null {
  if (batch.length > 1) return batch.map((letter) => [letter]);
  const [{ key, value, headers }] = batch as [Letter];
  if (value === null) return null;
  const note = `${value.length} bytes are more than this topic accepts`;
  return [[{
    key,
    value: null,
    headers: [...headers, { key: OMITTED, value: encoder.encode(note) }],
  }]];
}

function* batches(letters: Letter[]): Generator<Letter[]> {
  let batch: Letter[] = [];
  let bytes = 0;
  for (const letter of letters) {
    const size = sizeOf(letter);
    if (batch.length === BATCH_COUNT || (batch.length > 0 && bytes + size > BATCH_BYTES)) {
      yield batch;
      [batch, bytes] = [[], 0];
    }
    batch.push(letter);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

function sizeOf({ key, value, headers }: Letter): number {
  const around = headers.reduce(
    (sum, { key, value }) => sum + key.length + (value?.length ?? 0),
    0,
  );
  return (key?.length ?? 0) + (value?.length ?? 0) + around;
}

function undelivered(topic: string, { code, reason, hint }: SendFault): Error {
  const [kind, action] = KNOWN[code] ?? ["temporary", hint];
  return new OperationalError(kind, `cannot send rejects to dead-letter topic "${topic}"`, {
    reason: [reason, "offsets are saved only after the rejects are sent"],
    hint: action,
  });
}

const LARGER: [ErrorKind, string] = [
  "data",
  "a larger max.message.bytes of the dead-letter topic",
];

const KNOWN: Record<string, [ErrorKind, string]> = {
  MESSAGE_TOO_LARGE: LARGER,
  RECORD_LIST_TOO_LARGE: LARGER,
  TOPIC_AUTHORIZATION_FAILED: [
    "noPermission",
    "grant the user of this connection write on the dead-letter topic",
  ],
};
