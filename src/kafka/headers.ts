// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import Decoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";
import type { IHeaders } from "kafkajs";
import { Buffer } from "node:buffer";

/**
 * Has kafkajs hand out the headers of a record as they came: a list. It would fold them into an object, which takes
 * 14 s for 10 000 headers, loses the order of names that repeat, and for a name like "constructor" finds what every
 * object inherits.
 */
export function keepHeaderList(): void {
  const decoder = Decoder.prototype as {
    readVarInt(): number;
    readVarIntArray<T>(read: (decoder: unknown) => T): { reduce(): T[] };
  };
  // Nothing but headers is read with it, and the folding of them is its only use.
  decoder.readVarIntArray = function (read) {
    const list = Array.from({ length: Math.max(this.readVarInt(), 0) }, () => read(this));
    return { reduce: () => list };
  };
}

/**
 * Headers in the form that kafkajs writes as they are: in order, names repeated, null where a value is null. What it takes
 * is an object, of which it makes a list by mapping each entry that is an array; so this is one such entry.
 */
export function writeHeaderList(headers: Header[]): IHeaders {
  const map = () =>
    headers.map(({ key, value }) => value ? { key, value: toBuffer(value) } : new NullHeader(key));
  return { list: Object.assign([], { map }) };
}

interface Header {
  key: string;
  value: Uint8Array | null;
}

/** kafkajs measures a value before it looks whether there is one. */
class NullHeader {
  #measured = false;
  constructor(readonly key: string) {}

  get value(): Buffer | null {
    if (this.#measured) return null;
    this.#measured = true;
    return Buffer.alloc(0);
  }
}

/** kafkajs writes what is not a Buffer as text. */
export function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
