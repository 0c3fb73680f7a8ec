import type { Kafka } from "kafkajs";
import type { Outgoing } from "./patches/encode_records.ts";
import type { SendFault } from "./send_fault.ts";
import { openSender, type Outcome, type Sender, type SenderOptions } from "./sender.ts";

/** As many as fill a line of 100 ms. */
export const LANES_MAX = 4;

/**
 * Several senders of one topic, each with one send in flight, as the promise needs. Any of them can send to any
 * partition, but to each only one at a time: on a long line they do not wait for each other.
 */
export interface Senders {
  /** How many partitions every sender knows; grows when partitions are added. */
  readonly partitions: number;
  /** How many sends can be in flight. */
  readonly lanes: number;
  /** Await the outcome before the next send to the same partition. */
  send(partition: number, records: Outgoing[]): Promise<Outcome>;
  /** Doubles the lanes, up to one for each partition, because the others get no answer; fewer if some cannot connect. */
  widen(): Promise<void>;
  /** Why the send in flight to the partition has not succeeded so far; null when no attempt has failed. */
  troubleOf(partition: number): string | null;
  /** Whether the topic is still the one that the run began with: null, or the reason to stop. */
  checkTopic(): Promise<SendFault | null>;
  close(): Promise<void>;
}

/** Opens up to `lanes` producers for one topic; throws as openSender() does. */
export async function openSenders(
  kafka: Kafka,
  options: SenderOptions,
  lanes: number,
): Promise<Senders> {
  const first = await openSender(kafka, options);
  const senders: Sender[] = [first];
  let isClosed = false;
  const close = async () => {
    isClosed = true;
    const [, ...siblings] = senders;
    await Promise.all([first.close(), ...siblings.map((sibling) => sibling.disconnect())]);
  };
  try {
    while (senders.length < Math.min(lanes, first.partitions)) senders.push(first.sibling());
    await Promise.all(senders.slice(1).map((sender) => sender.connect()));
  } catch (error) {
    await close();
    throw error;
  }
  // One that is added later knows at least the partitions that these know, but not before its first send.
  const initial = [...senders];
  // Taken in turn, so that each of them notices new partitions.
  const idle = [...senders];
  const busy = new Map<number, Sender>();
  const partitions = () => Math.min(...initial.map(({ partitions }) => partitions));
  return {
    get partitions() {
      return partitions();
    },
    get lanes() {
      return senders.length;
    },
    send: async (partition, records) => {
      const sender = idle.shift();
      if (!sender || busy.has(partition)) throw new Error(`Cannot send to ${partition} now`);
      busy.set(partition, sender);
      try {
        return await sender.send(partition, records);
      } finally {
        busy.delete(partition);
        idle.push(sender);
      }
    },
    widen: async () => {
      const more = Math.min(senders.length, partitions() - senders.length);
      await Promise.all(Array.from({ length: more }, async () => {
        const sender = first.sibling();
        const isConnected = await sender.connect().then(() => true, () => false);
        // Without a connection, the sends that wait tell why.
        if (!isConnected || isClosed) return await sender.disconnect();
        senders.push(sender);
        idle.push(sender);
      }));
    },
    troubleOf: (partition) => busy.get(partition)?.trouble ?? null,
    checkTopic: () => first.checkTopic(),
    close,
  };
}
