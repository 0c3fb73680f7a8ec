import type { Socket } from "node:net";
import { TLS_ALERT } from "../errors.ts";
// Modules of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import scram from "npm:kafkajs@2.2.4/src/broker/saslAuthenticator/scram.js";
// deno-lint-ignore no-import-prefix
import Connection from "npm:kafkajs@2.2.4/src/network/connection.js";
// deno-lint-ignore no-import-prefix
import Decoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";

/** The largest answer: a fetch has at most one record beyond its own limits, and brokers refuse such large ones. */
const ANSWER_MAX = 256 * 1024 * 1024;
/** Content type and major version, where an answer has its length. */
const TLS_ALERT_BYTES = 0x1503;
/** A million iterations take half a second. */
const ITERATIONS_MAX = 1_000_000;

interface DecoderMethods {
  buffer: Uint8Array;
  offset: number;
  canReadBytes(length: number): boolean;
  readInt32(): number;
  readUVarInt(): number;
  readArray(read: (decoder: DecoderMethods) => unknown): unknown[];
  readUVarIntArray(read: (decoder: DecoderMethods) => unknown): unknown[] | null;
}

interface ConnectionMethods {
  host: string;
  port: number;
  socket: Socket | null;
  processData(data: Uint8Array): unknown;
  rejectRequests(error: Error): void;
}

interface Scram {
  hi(password: string, salt: Uint8Array, iterations: number, digest: unknown): Promise<Uint8Array>;
}

/** A broker, or another program in its place, sends what is no answer. The name makes it a failure of Kafka. */
/** An answer that makes no sense. */
export class BadAnswer extends Error {
  override name = "KafkaJSBadAnswer";
  /** Filled in where the connection is known. */
  broker?: string;
}

const { processData } = Connection.prototype as ConnectionMethods;
const { canReadBytes } = Decoder.prototype as DecoderMethods;
const { SCRAM } = scram as unknown as { SCRAM: Scram };
const { hi } = SCRAM;

/**
 * Bounds what brokers can make this program do: replaces methods of kafkajs src/network/connection.js,
 * src/protocol/decoder.js and src/broker/saslAuthenticator/scram.js. A wrong length ended the process, or kept it busy for
 * ever. Test: tests/hostile/kafka_test.ts.
 */
export function refuseBadAnswers(): void {
  const connection = Connection.prototype as ConnectionMethods;
  connection.processData = function (data) {
    try {
      return processData.call(this, data);
    } catch (error) {
      const failure = atBroker(error as Error, this);
      this.rejectRequests(failure);
      this.socket?.destroy(failure);
    }
  };
  const decoder = Decoder.prototype as DecoderMethods;
  decoder.canReadBytes = function (length) {
    if (length >>> 16 === TLS_ALERT_BYTES) throw new BadAnswer(TLS_ALERT);
    if (length < 0 || length > ANSWER_MAX) throw new BadAnswer(`a length of ${length} bytes`);
    return canReadBytes.call(this, length);
  };
  decoder.readArray = function (read) {
    return list(this, this.readInt32(), read) ?? [];
  };
  decoder.readUVarIntArray = function (read) {
    return list(this, this.readUVarInt() - 1, read);
  };
  SCRAM.hi = async (password, salt, iterations, digest) => {
    if (!(iterations <= ITERATIONS_MAX)) {
      throw new BadAnswer(`${iterations} iterations of SCRAM, more than ${ITERATIONS_MAX}`);
    }
    return await hi(password, salt, iterations, digest);
  };
}

/** Null for a length of -1. */
function list(
  decoder: DecoderMethods,
  length: number,
  read: (decoder: DecoderMethods) => unknown,
): unknown[] | null {
  if (length === -1) return null;
  // Every element takes a byte or more.
  if (length < -1 || length > decoder.buffer.length - decoder.offset) {
    throw new BadAnswer(`a list of ${length} elements in a shorter answer`);
  }
  return Array.from({ length }, () => read(decoder));
}

/** What decoding throws for nonsense becomes a BadAnswer; other errors stay as they are. */
export function atBroker(error: Error, { host, port }: { host: string; port: number }): Error {
  if (!(error instanceof BadAnswer || error instanceof RangeError || error instanceof TypeError)) {
    return error;
  }
  const failure = error instanceof BadAnswer
    ? error
    : new BadAnswer(error.message, { cause: error });
  failure.broker ??= `${host}:${port}`;
  return failure;
}
