import { Buffer } from "node:buffer";
// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import fetchOfKafkajs from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/index.js";
import { endOf } from "../../record/offsets.ts";
import { type DecodeOptions, decodeRecords } from "../batches/decode.ts";
import { memoryFor } from "../batches/record_decoder.ts";
import { type FetchParams, requested, sharedOut, type TopicParams } from "./fetch_params.ts";
import {
  type Decoder,
  decoderOf,
  type Encoder,
  newEncoder,
  readTags,
  readUuid,
  writeUuid,
} from "./flexible.ts";

/** A request with the decoder of its response. */
interface Exchange {
  request: object;
  response: { decode(bytes: Buffer): Promise<object>; parse(data: object): Promise<object> };
  requestTimeout: number;
}

type Protocol = (params: FetchParams) => Exchange;

interface FetchApi {
  versions: (string | number)[];
  protocol(of: { version: number }): Protocol;
}

/** Unpacked bytes of one response; two responses are in memory at a time. */
const UNPACKED_MAX = 12_582_912;

const FETCH_KEY = 1;
const BY_NAME = 11;
const BY_ID = 13;
const READ_COMMITTED = 1;

const UNKNOWN_TOPIC_OR_PARTITION = 3;
const OFFSET_OUT_OF_RANGE = 1;
const UNKNOWN_TOPIC_ID = 100;
const INCONSISTENT_TOPIC_ID = 103;

/** A topic that is fetched by its id, so that the broker refuses to read from another topic of the same name. */
interface ById {
  id: string;
  /** By partition, the offset after the last record received, and the leader epoch of that record. */
  ends: Map<number, { offset: number; epoch: number }>;
}

const topicsById = new Map<string, ById>();

/** Fetches `topic` by this id from now on (null: by its name), if the broker can: Kafka 3.1 or newer. */
export function fetchById(topic: string, id: string | null): void {
  if (id === null) topicsById.delete(topic);
  else topicsById.set(topic, { id, ends: new Map() });
}

/**
 * Replaces the fetch of kafkajs (src/protocol/requests/fetch) from version 11 on, and adds version 13
 * (kafka.apache.org/protocol#The_Messages_Fetch). kafkajs creates a dozen objects per record, which is most of the cost
 * of consuming; a single batch that it cannot read stops all partitions; and it knows no topic ids. Brokers older than
 * Kafka 2.3 still get its own requests. Tests: tests/kafka/patches/fetch_test.ts.
 */
export function patchFetch(): void {
  const api = fetchOfKafkajs as unknown as FetchApi;
  if (api.versions.includes(BY_ID)) return;
  const protocol = api.protocol.bind(api);
  api.versions.push(BY_ID);
  api.protocol = ({ version }) => {
    if (version < BY_NAME) return protocol({ version });
    return (asked) => {
      const params = sharedOut(asked);
      const exchange = protocol({ version: BY_NAME })(params);
      const { parse } = exchange.response;
      const [{ topic }] = params.topics as [TopicParams];
      const byId = topicsById.get(topic);
      if (version < BY_ID || !byId || params.topics.length > 1) {
        return { ...exchange, response: { decode: (bytes) => decodeByName(bytes, params), parse } };
      }
      return {
        ...exchange,
        request: {
          apiKey: FETCH_KEY,
          apiVersion: BY_ID,
          apiName: "Fetch",
          encode: () => Promise.resolve(encodeById(params, byId)),
        },
        response: { decode: (bytes) => decodeById(bytes, params, byId), parse },
      };
    };
  };
}

/** A response to a fetch of version 11, in the form of kafkajs. */
export async function decodeByName(bytes: Buffer, params: FetchParams): Promise<object> {
  const decoder = decoderOf(bytes);
  const head = readHead(decoder);
  const received = decoder.readArray(() => {
    const topicName = decoder.readString();
    const partitions = decoder.readArray(() => {
      const partition = readPartition(decoder);
      const abortedTransactions = decoder.readArray(readAborted);
      const preferredReadReplica = decoder.readInt32();
      const records = decoder.readBytes() ?? Buffer.alloc(0);
      return { ...partition, abortedTransactions, preferredReadReplica, records };
    });
    return { topicName, partitions };
  });
  const responses = [];
  for (const { topicName, partitions } of received) {
    responses.push({ topicName, partitions: await decodeAll(partitions, topicName, params) });
  }
  return { ...head, responses };
}

/** A response to a fetch of version 13; the errors that only this version has become those that kafkajs knows. */
async function decodeById(bytes: Buffer, params: FetchParams, topic: ById): Promise<object> {
  const decoder = decoderOf(bytes);
  readTags(decoder);
  const head = readHead(decoder);
  const [{ topic: topicName }] = params.topics as [TopicParams];
  const received = decoder.readUVarIntArray(() => {
    readUuid(decoder);
    const partitions = decoder.readUVarIntArray(() => {
      const partition = readPartition(decoder);
      const abortedTransactions = decoder.readUVarIntArray(() => {
        const aborted = readAborted(decoder);
        readTags(decoder);
        return aborted;
      }) ?? [];
      const preferredReadReplica = decoder.readInt32();
      const size = decoder.readUVarInt() - 1;
      const records = size > 0 ? decoder.readBytes(size)! : Buffer.alloc(0);
      const isDiverging = readTags(decoder).has(0);
      const errorCode = translate(partition.errorCode, isDiverging);
      return { ...partition, errorCode, abortedTransactions, preferredReadReplica, records };
    }) ?? [];
    readTags(decoder);
    return partitions;
  }) ?? [];
  const partitions = await decodeAll(received.flat(), topicName, params);
  for (const { partition, messages } of partitions) {
    const last = messages.at(-1);
    if (!last) continue;
    topic.ends.set(partition, { offset: endOf(last), epoch: last.batchContext.leaderEpoch });
  }
  return { ...head, responses: [{ topicName, partitions }] };
}

/** A partition of a response, whose records are still packed. */
interface Received extends ReturnType<typeof readPartition> {
  records: Buffer;
}

/** Partitions with their records, up to what may be unpacked at a time: the others are as if they had not been asked for. */
async function decodeAll<T extends Received>(
  received: T[],
  topicName: string,
  params: FetchParams,
) {
  const partitions = [];
  let full = received.filter(({ records }) => records.length > 0).length;
  let left = UNPACKED_MAX;
  for (const { records, ...partition } of received) {
    if (records.length > 0 && left <= 0) continue;
    const { from } = requested(params, topicName, partition.partition);
    const options = { from, high: Number(partition.highWatermark), bytesMax: left / full };
    const messages = await messagesOf(records, options);
    if (records.length > 0) full--;
    for (const { size = 0 } of messages) left -= memoryFor(size);
    partitions.push({ ...partition, messages });
  }
  return partitions;
}

/** kafkajs looks at the topic again after the first, and at the log after the second. */
function translate(errorCode: number, isDiverging: boolean): number {
  if (errorCode === UNKNOWN_TOPIC_ID || errorCode === INCONSISTENT_TOPIC_ID) {
    return UNKNOWN_TOPIC_OR_PARTITION;
  }
  return isDiverging ? OFFSET_OUT_OF_RANGE : errorCode;
}

function readHead(decoder: Decoder) {
  return {
    // The broker has already applied the throttling itself.
    throttleTime: 0,
    clientSideThrottleTime: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    sessionId: decoder.readInt32(),
  };
}

function readPartition(decoder: Decoder) {
  return {
    partition: decoder.readInt32(),
    errorCode: decoder.readInt16(),
    highWatermark: String(decoder.readInt64()),
    lastStableOffset: String(decoder.readInt64()),
    lastStartOffset: String(decoder.readInt64()),
  };
}

function readAborted(decoder: Decoder) {
  return {
    producerId: String(decoder.readInt64()),
    firstOffset: String(decoder.readInt64()),
  };
}

async function messagesOf(bytes: Buffer, options: DecodeOptions) {
  const records = await decodeRecords(bytes, options);
  // kafkajs filters out records below the requested offset, which are left out already.
  const filter = (isWanted: (record: typeof records[number]) => boolean) => {
    const first = records.findIndex(isWanted);
    return first === -1 ? [] : records.slice(first);
  };
  return Object.assign(records, { filter: filter as typeof records.filter });
}

function encodeById(params: FetchParams, { id, ends }: ById): Encoder {
  const { maxWaitTime, minBytes, maxBytes, rackId = "", topics: [topic] } = params;
  const partitions = topic!.partitions.map(({ partition, fetchOffset, maxBytes }) => {
    const end = ends.get(partition);
    // The broker then tells if the log was cut off before this record and went on with others (KIP-595).
    const lastEpoch = end?.offset === Number(fetchOffset) ? end.epoch : -1;
    return newEncoder().writeInt32(partition).writeInt32(-1).writeInt64(fetchOffset)
      .writeInt32(lastEpoch).writeInt64(-1).writeInt32(maxBytes).writeUVarInt(0);
  });
  const encoded = writeUuid(newEncoder(), id).writeUVarIntArray(partitions).writeUVarInt(0);
  return newEncoder()
    // The tagged fields of the request header, which kafkajs does not write.
    .writeUVarInt(0)
    .writeInt32(-1).writeInt32(maxWaitTime).writeInt32(minBytes).writeInt32(maxBytes)
    .writeInt8(READ_COMMITTED).writeInt32(0).writeInt32(-1)
    .writeUVarIntArray([encoded]).writeUVarIntArray([]).writeUVarIntString(rackId).writeUVarInt(0);
}
