import type { Letter } from "../../kafka/dead_letters.ts";
import type { Source } from "../../postgres/store.ts";
import type { Ledger } from "./settle.ts";
import type { Message, Reject } from "../../record/validate.ts";

// Kafka Connect's names, after DeadLetterQueueReporter in its runtime, so that tools for its dead letters can read these.
// `task.id`, `class.name` and `exception.stacktrace` are left out: they have no counterpart here.

/** The topic and partition of a reject. */
export interface Origin {
  topic: string;
  partition: number;
  /** Consumer group. */
  name: string;
}

const encoder = new TextEncoder();

/** The reject as a dead letter: the record as received, with the reason in added headers. Of equal names the last counts. */
export function toLetter(reject: Reject, { topic, partition, name }: Origin): Letter {
  const { message: { key, value, headers = [] }, offset, code, path, reason } = reject;
  const added = {
    topic,
    partition: String(partition),
    offset: String(offset),
    "connector.name": name,
    stage: code.startsWith("db_") ? "TASK_PUT" : "VALUE_CONVERTER",
    "exception.class.name": code,
    "exception.message": [path, reason].filter(Boolean).join(": "),
  };
  return {
    key,
    value,
    headers: [
      ...headers,
      ...Object.entries(added).map(([name, text]) => ({
        key: `__connect.errors.${name}`,
        value: encoder.encode(text),
      })),
    ],
  };
}

/** A ledger that posts every reject before it is settled: at least once. */
export function withDeadLetters<
  SourceLedger extends Pick<Ledger, "write"> & {
    sources(): Promise<Pick<Source, "id" | "partition">[]>;
  },
>(
  ledger: SourceLedger,
  { topic, name }: Omit<Origin, "partition">,
  /** Resolves when all letters are stored; letters of one partition stay in order. */
  post: (partition: number, letters: Letter[]) => Promise<void>,
): SourceLedger {
  const partitions = new Map<number, number>();
  // A reject is not posted again when its statement is retried or halved.
  const posted = new WeakSet<Message>();
  return {
    ...ledger,
    sources: async () => {
      const sources = await ledger.sources();
      for (const { id, partition } of sources) partitions.set(id, partition);
      return sources;
    },
    write: async (steps) => {
      for (const { source, validated } of steps) {
        const partition = partitions.get(source)!;
        const rejects = validated.rejects.filter(({ message }) => !posted.has(message));
        if (rejects.length === 0) continue;
        await post(
          partition,
          rejects.map((reject) => toLetter(reject, { topic, partition, name })),
        );
        for (const { message } of rejects) posted.add(message);
      }
      return await ledger.write(steps);
    },
  };
}
