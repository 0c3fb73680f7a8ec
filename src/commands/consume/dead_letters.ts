import type { Ledger } from "./settle.ts";
import type { Message, Reject } from "../../record/validate.ts";

// Kafka Connect's names, after DeadLetterQueueReporter in its runtime, so that what reads its dead letters reads these.
// `task.id`, `class.name` and `exception.stacktrace` are left out: there is nothing here that they would name.

/** A reject as a record of another topic: as it came, and behind its headers why it was rejected. */
export interface Letter {
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: { key: string; value: Uint8Array | null }[];
}

/** Where a reject comes from. */
export interface Origin {
  topic: string;
  partition: number;
  /** Consumer group. */
  name: string;
}

const encoder = new TextEncoder();

/** The reject as a dead letter. Where a name is there already, from an earlier round, the last one counts. */
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

/** The ledger, which now posts every reject before it is settled: some perhaps twice, none never. */
export function postingRejects<
  Posting extends Pick<Ledger, "write"> & {
    sources(): Promise<{ id: number; partition: number }[]>;
  },
>(
  ledger: Posting,
  { topic, name }: Omit<Origin, "partition">,
  /** Ends when all are there; letters of one partition stay in order. */
  post: (partition: number, letters: Letter[]) => Promise<void>,
): Posting {
  const partitions = new Map<number, number>();
  // Not again when the statement has to be repeated, or halved.
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
