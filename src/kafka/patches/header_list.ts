// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import Decoder from "npm:kafkajs@2.2.4/src/protocol/decoder.js";

/**
 * Replaces readVarIntArray() of kafkajs src/protocol/decoder.js: headers stay a list. kafkajs builds an object, which takes
 * 14 s for 10 000 headers, loses the order of repeated names, and confuses a name like "constructor" with an inherited
 * property. Test: tests/kafka/reader_test.ts.
 */
export function keepHeaderList(): void {
  const decoder = Decoder.prototype as {
    readVarInt(): number;
    readVarIntArray<T>(read: (decoder: unknown) => T): { reduce(): T[] };
  };
  // kafkajs reads only headers with it, and calls only reduce() on the result.
  decoder.readVarIntArray = function (read) {
    const list = Array.from({ length: Math.max(this.readVarInt(), 0) }, () => read(this));
    return { reduce: () => list };
  };
}
