// Random numbers that depend only on what is hashed, on every machine: the 32-bit murmur3 by Austin Appleby
// (github.com/aappleby/smhasher, MurmurHash3_x86_32), with one step for each word.

/** A hash of the hash so far and one more word. */
export function absorb(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e_2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64) | 0;
}

/** The same for a whole number of more than 32 bits. */
export function absorbLarge(hash: number, value: number): number {
  return absorb(absorb(hash, value >>> 0), Math.floor(value / 2 ** 32) >>> 0);
}

/** The draw number `index` of a hash: from 0 up to, not including, 1. */
export function draw(hash: number, index: number): number {
  let h = absorb(hash, index);
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
}
