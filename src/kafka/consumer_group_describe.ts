import { Buffer } from "node:buffer";
import { type Decoder, decoderOf, newEncoder, readTags, readUuid } from "./patches/flexible.ts";

/** The key of ConsumerGroupDescribe (KIP-848), which kafkajs does not know. */
export const CONSUMER_GROUP_DESCRIBE = 69;
/** The first version that tells which members use the classic protocol: Kafka 4.0. */
const VERSION = 1;

/** A group whose members, or some of them, use the consumer protocol of KIP-848. */
export interface ConsumerGroup {
  errorCode: number;
  state: string;
  assignor: string;
  members: ConsumerGroupMember[];
}

interface ConsumerGroupMember {
  id: string;
  clientId: string;
  host: string;
  topics: string[];
  /** The assigned partitions, by topic. */
  assigned: Map<string, number[]>;
  isClassic: boolean;
}

/** Whether a broker can answer consumerGroupDescribe(). */
export function canDescribeConsumerGroups(
  versions: Record<number, { maxVersion: number }> | null,
): boolean {
  return (versions?.[CONSUMER_GROUP_DESCRIBE]?.maxVersion ?? 0) >= VERSION;
}

/** The request for one group in the form of kafkajs; its answer is a ConsumerGroup. */
export function consumerGroupDescribe(groupId: string) {
  return {
    request: {
      apiKey: CONSUMER_GROUP_DESCRIBE,
      apiVersion: VERSION,
      apiName: "ConsumerGroupDescribe",
      encode: () =>
        Promise.resolve(
          newEncoder()
            // The tagged fields of the request header, which kafkajs does not write.
            .writeUVarInt(0)
            .writeUVarIntArray([newEncoder().writeUVarIntString(groupId)])
            .writeBoolean(false)
            .writeUVarInt(0),
        ),
    },
    response: {
      decode: (bytes: Buffer) => Promise.resolve(decodeResponse(bytes)),
      parse: (group: ConsumerGroup) => Promise.resolve(group),
    },
  };
}

function decodeResponse(bytes: Buffer): ConsumerGroup {
  const decoder = decoderOf(bytes);
  readTags(decoder);
  // How long the broker delayed the answer.
  decoder.readInt32();
  const [group] = decoder.readUVarIntArray(readGroup) ?? [];
  return group!;
}

function readGroup(decoder: Decoder): ConsumerGroup {
  const errorCode = decoder.readInt16();
  // The message and the group id.
  decoder.readUVarIntString();
  decoder.readUVarIntString();
  const state = decoder.readUVarIntString();
  // The epochs of group and assignment.
  decoder.readInt32();
  decoder.readInt32();
  const assignor = decoder.readUVarIntString();
  const members = decoder.readUVarIntArray(readMember) ?? [];
  // Which operations the user may do.
  decoder.readInt32();
  readTags(decoder);
  return { errorCode, state, assignor, members };
}

function readMember(decoder: Decoder): ConsumerGroupMember {
  const id = decoder.readUVarIntString();
  // The static id, the rack and the epoch.
  decoder.readUVarIntString();
  decoder.readUVarIntString();
  decoder.readInt32();
  const clientId = decoder.readUVarIntString();
  const host = decoder.readUVarIntString();
  const topics = decoder.readUVarIntArray((one) => one.readUVarIntString()) ?? [];
  // The pattern of a subscription.
  decoder.readUVarIntString();
  const assigned = readAssignment(decoder);
  // The assignment that it will have.
  readAssignment(decoder);
  const isClassic = decoder.readInt8() === 0;
  readTags(decoder);
  return { id, clientId, host, topics, assigned, isClassic };
}

function readAssignment(decoder: Decoder): Map<string, number[]> {
  const topics = decoder.readUVarIntArray((one): [string, number[]] => {
    readUuid(one);
    const topic = one.readUVarIntString();
    const partitions = one.readUVarIntArray((each) => each.readInt32()) ?? [];
    readTags(one);
    return [topic, partitions];
  }) ?? [];
  readTags(decoder);
  return new Map(topics);
}
