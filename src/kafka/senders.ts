import type { Kafka } from "kafkajs";
import type { Outgoing } from "./patches/encode_records.ts";
import type { SendFault } from "./send_fault.ts";
import { openSender, type Outcome, type Sender, type SenderOptions } from "./sender.ts";

/** More senders would only add connections: four batches in flight fill a line of 100 ms. */
export const LANES_MAX = 4;

/**
 * Several senders of one topic. Each has one send in flight, as the promise needs, and always the same partitions: on a
 * long line they do not wait for each other, and a leader that does not answer holds up only its own sender.
 */
export interface Senders {
  /** How many partitions every sender knows; grows when partitions are added. */
  readonly partitions: number;
  /** How many sends can be in flight: partition p belongs to sender p % lanes. */
  readonly lanes: number;
  /** Await the outcome before the next send to the same lane. */
  send(partition: number, records: Outgoing[]): Promise<Outcome>;
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
  const close = async () => void await Promise.all(senders.map((sender) => sender.close()));
  try {
    while (senders.length < Math.min(lanes, first.partitions)) senders.push(first.sibling());
    await Promise.all(senders.slice(1).map((sender) => sender.connect()));
  } catch (error) {
    await close();
    throw error;
  }
  const senderOf = (partition: number) => senders[partition % senders.length]!;
  return {
    get partitions() {
      return Math.min(...senders.map(({ partitions }) => partitions));
    },
    lanes: senders.length,
    send: (partition, records) => senderOf(partition).send(partition, records),
    troubleOf: (partition) => senderOf(partition).trouble,
    checkTopic: () => first.checkTopic(),
    close,
  };
}
