import type { Buffer } from "node:buffer";
// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import metadataOfKafkajs from "npm:kafkajs@2.2.4/src/protocol/requests/metadata/index.js";
import {
  type Decoder,
  decoderOf,
  type Encoder,
  newEncoder,
  readTags,
  readUuid,
  writeUuid,
} from "./flexible.ts";

interface MetadataParams {
  topics: string[];
  allowAutoTopicCreation?: boolean;
}

interface MetadataApi {
  versions: (string | number)[];
  protocol(of: { version: number }): (params: MetadataParams) => {
    request: object;
    response: { parse: unknown };
  };
}

const METADATA_KEY = 3;
/** The newest version of kafkajs. */
const WITHOUT_IDS = 6;
const WITH_IDS = 12;
const NO_ID = "00000000-0000-0000-0000-000000000000";

/**
 * Adds version 12 to the metadata requests of kafkajs (src/protocol/requests/metadata), for brokers from Kafka 3.1 on:
 * it tells the id of each topic (KIP-516), which is set on each of its partitions, because kafkajs hands only those on.
 * Test: tests/kafka/topic_test.ts.
 */
export function patchMetadata(): void {
  const api = metadataOfKafkajs as unknown as MetadataApi;
  if (api.versions.includes(WITH_IDS)) return;
  const protocol = api.protocol.bind(api);
  api.versions.push(WITH_IDS);
  api.protocol = ({ version }) => (params) => {
    const exchange = protocol({ version: Math.min(version, WITHOUT_IDS) })(params);
    if (version < WITH_IDS) return exchange;
    return {
      request: {
        apiKey: METADATA_KEY,
        apiVersion: WITH_IDS,
        apiName: "Metadata",
        encode: () => Promise.resolve(encodeRequest(params)),
      },
      response: { parse: exchange.response.parse, decode: decodeMetadata },
    };
  };
}

function encodeRequest({ topics, allowAutoTopicCreation = true }: MetadataParams): Encoder {
  const wanted = topics.map((name) =>
    writeUuid(newEncoder(), NO_ID).writeUVarIntString(name).writeUVarInt(0)
  );
  return newEncoder()
    // The tagged fields of the request header, which kafkajs does not write.
    .writeUVarInt(0)
    // As in kafkajs, no topics mean all.
    .writeUVarIntArray(wanted.length > 0 ? wanted : null)
    .writeBoolean(allowAutoTopicCreation)
    .writeBoolean(false)
    .writeUVarInt(0);
}

/** A response of version 12, in the form of kafkajs. */
function decodeMetadata(bytes: Buffer): Promise<object> {
  const decoder = decoderOf(bytes);
  readTags(decoder);
  return Promise.resolve({
    // The broker has already applied the throttling itself.
    throttleTime: 0,
    clientSideThrottleTime: decoder.readInt32(),
    brokers: decoder.readUVarIntArray(readBroker) ?? [],
    clusterId: decoder.readUVarIntString(),
    controllerId: decoder.readInt32(),
    topicMetadata: decoder.readUVarIntArray(readTopic) ?? [],
  });
}

function readBroker(decoder: Decoder) {
  const broker = {
    nodeId: decoder.readInt32(),
    host: decoder.readUVarIntString(),
    port: decoder.readInt32(),
    rack: decoder.readUVarIntString(),
  };
  readTags(decoder);
  return broker;
}

function readTopic(decoder: Decoder) {
  const topicErrorCode = decoder.readInt16();
  const topic = decoder.readUVarIntString();
  const topicId = readUuid(decoder);
  const isInternal = decoder.readBoolean();
  const partitions = decoder.readUVarIntArray(readPartition) ?? [];
  // Which operations the user may do.
  decoder.readInt32();
  readTags(decoder);
  const partitionMetadata = partitions.map((partition) => {
    return topicId === NO_ID ? partition : { ...partition, topicId };
  });
  return { topicErrorCode, topic, isInternal, partitionMetadata };
}

function readPartition(decoder: Decoder) {
  const ids = () => decoder.readUVarIntArray(() => decoder.readInt32()) ?? [];
  const partitionErrorCode = decoder.readInt16();
  const partitionId = decoder.readInt32();
  const leader = decoder.readInt32();
  // The leader epoch.
  decoder.readInt32();
  const partition = {
    partitionErrorCode,
    partitionId,
    leader,
    replicas: ids(),
    isr: ids(),
    offlineReplicas: ids(),
  };
  readTags(decoder);
  return partition;
}
