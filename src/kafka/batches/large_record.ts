import { Buffer } from "node:buffer";
import { createHash, type Hash } from "node:crypto";
import { KEPT_BYTES } from "./record.ts";

/** A record that is too large, as far as it was received. */
export interface LargeRecord {
  size: number;
  missing: number;
  hash: Hash;
  /** Its first and its last bytes, up to KEPT_BYTES each. */
  head: Buffer;
  tail: Buffer;
}

/** A record of this size, of which nothing was received. */
export function newLarge(size: number): LargeRecord {
  const [head, tail] = [Buffer.alloc(0), Buffer.alloc(0)];
  return { size, missing: size, hash: createHash("sha256"), head, tail };
}

/** Takes the next bytes of the record. */
export function append(large: LargeRecord, part: Buffer): void {
  large.hash.update(part);
  large.missing -= part.length;
  // Copies, so that the whole can be freed.
  large.head = Buffer.concat([large.head, part.subarray(0, KEPT_BYTES - large.head.length)]);
  const tail = Buffer.concat([large.tail, part.subarray(-KEPT_BYTES)]);
  large.tail = tail.subarray(Math.max(tail.length - KEPT_BYTES, 0));
}
