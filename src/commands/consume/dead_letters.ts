import type { DeadLetterTopic, Letter } from "../../kafka/dead_letters.ts";
import type { Source, Step, Store } from "../../postgres/store.ts";
import type { Message, Reject } from "../../record/validate.ts";

// Kafka Connect's names, after DeadLetterQueueReporter in its runtime, so that tools for its dead letters can read these.
// `task.id`, `class.name` and `exception.stacktrace` are left out: they have no counterpart here.

/** Where a reject was read, and by which consumer group. */
interface Origin {
  topic: string;
  partition: number;
  group: string;
}

const encoder = new TextEncoder();

/** The reject as a dead letter: the record as received, with the reason in added headers. If a name repeats, the last counts. */
export function toLetter(reject: Reject, { topic, partition, group }: Origin): Letter {
  const { message: { key, value, headers = [] }, offset, code, path, reason } = reject;
  const added = {
    topic,
    partition: String(partition),
    offset: String(offset),
    "connector.name": group,
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

/** A store that posts every reject before it is written: at least once. */
export function withDeadLetters<
  PlainStore extends Pick<Store, "write"> & {
    sources(): Promise<Pick<Source, "id" | "partition">[]>;
  },
>(
  store: PlainStore,
  { topic, group }: Omit<Origin, "partition">,
  post: DeadLetterTopic["post"],
): PlainStore {
  const partitions = new Map<number, number>();
  // A reject is not posted again when its statement is retried or halved.
  const posted = new WeakSet<Message>();

  async function postRejects({ source, validated }: Step): Promise<void> {
    const rejects = validated.rejects.filter(({ message }) => !posted.has(message));
    if (rejects.length === 0) return;
    const partition = partitions.get(source)!;
    await post(partition, rejects.map((reject) => toLetter(reject, { topic, partition, group })));
    for (const { message } of rejects) posted.add(message);
  }

  return {
    ...store,
    sources: async () => {
      const sources = await store.sources();
      for (const { id, partition } of sources) partitions.set(id, partition);
      return sources;
    },
    write: async (steps) => {
      for (const step of steps) await postRejects(step);
      return await store.write(steps);
    },
  };
}
