// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import Decoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";

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
