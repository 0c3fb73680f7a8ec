import { Buffer } from "node:buffer";
// Modules of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import KafkaDecoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";
// deno-lint-ignore no-import-prefix
import KafkaEncoder from "npm:kafkajs@2.2.4/src/protocol/encoder.js";

/** The members of the kafkajs Decoder that are used here; "UVarInt" marks the compact forms of flexible versions. */
export interface Decoder {
  offset: number;
  readBoolean(): boolean;
  readInt8(): number;
  readInt16(): number;
  readInt32(): number;
  readInt64(): bigint;
  readString(): string;
  readBytes(size?: number): Buffer | null;
  readArray<T>(read: (decoder: Decoder) => T): T[];
  readArrayAsync<T>(read: (decoder: Decoder) => Promise<T>): Promise<T[]>;
  readUVarInt(): number;
  readUVarIntString(): string;
  readUVarIntBytes(): Buffer | null;
  readUVarIntArray<T>(read: (decoder: Decoder) => T): T[] | null;
}

/** The members of the kafkajs Encoder that are used here. */
export interface Encoder {
  writeInt8(value: number): Encoder;
  writeInt32(value: number): Encoder;
  writeInt64(value: string | number): Encoder;
  writeBoolean(value: boolean): Encoder;
  writeUVarInt(value: number): Encoder;
  writeUVarIntString(value: string): Encoder;
  writeUVarIntArray(value: Encoder[] | null): Encoder;
  writeBufferInternal(bytes: Uint8Array): void;
}

/** Reads the body of a response. */
export function decoderOf(bytes: Buffer): Decoder {
  return new (KafkaDecoder as unknown as new (bytes: Buffer) => Decoder)(bytes);
}

/** Writes the body of a request. */
export function newEncoder(): Encoder {
  return new (KafkaEncoder as unknown as new () => Encoder)();
}

/** Reads tagged fields (KIP-482) by tag; the method of kafkajs reads a byte too few for each. */
export function readTags(decoder: Decoder): Map<number, Buffer> {
  const tags = new Map<number, Buffer>();
  for (let left = decoder.readUVarInt(); left > 0; left--) {
    const tag = decoder.readUVarInt();
    tags.set(tag, decoder.readBytes(decoder.readUVarInt()) ?? Buffer.alloc(0));
  }
  return tags;
}

/** The topic id of 16 bytes as a UUID. */
export function readUuid(decoder: Decoder): string {
  const hex = decoder.readBytes(16)!.toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Writes a UUID as 16 bytes. */
export function writeUuid(encoder: Encoder, uuid: string): Encoder {
  encoder.writeBufferInternal(Buffer.from(uuid.replaceAll("-", ""), "hex"));
  return encoder;
}
