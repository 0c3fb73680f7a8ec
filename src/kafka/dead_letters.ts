import type { Kafka } from "kafkajs";
import { type ErrorKind, OperationalError } from "../errors.ts";
import { openSender, type Outcome, type Sender } from "./sender.ts";

/** A reject as a record of another topic. */
export interface Letter {
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: { key: string; value: Uint8Array | null }[];
}

/** Where dead letters go. */
export interface DeadLetterTopic {
  /** Ends when all are there. Letters of one partition go to one partition, and stay in order. */
  post(partition: number, letters: Letter[]): Promise<void>;
  close(): Promise<void>;
}

/** How letters are sent. */
export interface DeadLetterOptions {
  topic: string;
  /** Puts what the client throws into words. */
  explain(error: unknown): Error;
  signal: AbortSignal;
}

/** Two attempts of this length stay below the time after which a consumer that settles nothing begins anew. */
const DEADLINE_MS = 20_000;
/** Kafka's default limit of a batch is 1 MiB, so one is only larger where a single letter is. */
const BATCH_BYTES = 524_288;
const BATCH_COUNT = 500;

/** Opens the way to the dead-letter topic; fails when that does not exist. */
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
      // One send in flight: whoever comes meanwhile waits, and fails with it; whoever comes later tries again.
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
    for (const batch of batches(letters)) {
      const fault = await send(partition, batch) && await send(partition, batch);
      if (fault) throw undelivered(topic, fault);
    }
  }

  /** Null: they are there. */
  async function send(partition: number, batch: Letter[]): Promise<Outcome["fault"]> {
    sender ??= await open();
    const { fault } = await sender.send(partition % sender.partitions, batch);
    if (!fault) return null;
    // A sender is over after a fault, be it only that the topic grew. A new one may double letters, but loses none.
    await sender.close();
    sender = null;
    return fault;
  }
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

function undelivered(topic: string, { code, reason, fix }: NonNullable<Outcome["fault"]>): Error {
  const [kind, mend] = KNOWN[code] ?? ["temporary", fix];
  return new OperationalError(kind, `cannot send rejects to dead-letter topic "${topic}"`, {
    reason: [reason, "nothing is settled before its rejects are there"],
    hint: mend,
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
