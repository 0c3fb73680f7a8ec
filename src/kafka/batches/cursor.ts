import type { Buffer } from "node:buffer";

/** Reads the fields of a record: zigzag varints (groups of seven bits, the lowest first) and bytes after their size. */
export class Cursor {
  constructor(readonly bytes: Buffer, public at = 0) {}

  /** A number of at most 32 bits; throws a RangeError if it is longer. */
  varint(): number {
    let rest = 0;
    for (let shift = 0;; shift += 7) {
      const byte = this.bytes[this.at++]!;
      rest |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (rest >>> 1) ^ -(rest & 1);
      if (shift === 28 || this.at > this.bytes.length) {
        throw new RangeError("a number has no end");
      }
    }
  }

  /** Like varint(), but null if the bytes end within the number. */
  varintIfWhole(): number | null {
    for (let at = this.at; at < this.bytes.length; at++) {
      if (this.bytes[at]! < 0x80 || at - this.at === 5) return this.varint();
    }
    return null;
  }

  /** A number of up to 64 bits. */
  varlong(): number | bigint {
    const start = this.at;
    while (this.bytes[this.at]! >= 0x80) this.at++;
    this.at++;
    if (this.at - start <= 4) return new Cursor(this.bytes, start).varint();
    if (this.at - start > 10) throw new RangeError("a number has no end");
    let rest = 0n;
    for (let at = this.at - 1; at >= start; at--) {
      rest = rest << 7n | BigInt(this.bytes[at]! & 0x7f);
    }
    return (rest >> 1n) ^ -(rest & 1n);
  }

  /** Skips a field and returns its size, 0 for null. */
  skip(): number {
    const size = Math.max(this.varint(), 0);
    this.at += size;
    return size;
  }

  /** A size, or -1 for null, then that number of bytes. */
  field(): Buffer | null {
    const size = this.varint();
    if (size < 0) return null;
    return this.bytes.subarray(this.at, this.at += size);
  }
}
