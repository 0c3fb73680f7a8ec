import { Buffer } from "node:buffer";
// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import decodeMessages from "npm:kafkajs@2.2.4/src/protocol/requests/fetch/v4/decodeMessages.js";
import { decoderOf } from "../patches/flexible.ts";
import { damagedRecord, type KafkaRecord, KEPT_BYTES } from "./record.ts";
import type { OldMessage } from "./split.ts";

/** The records from `from` on in a message of the formats before Kafka 0.11, which kafkajs decodes; never throws. */
export async function decodeOldMessage(
  { old, lastOffset, fault }: OldMessage,
  { from, high }: { from: number; high: number },
): Promise<KafkaRecord[]> {
  const last = Math.max(Math.min(lastOffset, high - 1), from);
  const batch = { ...EMPTY, firstOffset: from, lastOffset: last };
  const size = Buffer.alloc(4);
  size.writeInt32BE(old.length);
  try {
    if (fault !== null) throw new RangeError(fault);
    const decode = decodeMessages as (decoder: unknown) => Promise<KafkaRecord[]>;
    const records = await decode(decoderOf(Buffer.concat([size, old])));
    // kafkajs gives these no batch.
    return records.filter(({ offset }) => Number(offset) >= from)
      .map((record) => ({ ...record, batchContext: batch }));
  } catch (error) {
    const reason = `cannot read offsets ${from} to ${last}: ${(error as Error).message}`;
    const damage = { code: "unreadable" as const, reason, lastOffset: last };
    return [damagedRecord(batch, from, damage, { value: old.subarray(0, KEPT_BYTES) })];
  }
}

const EMPTY = {
  firstTimestamp: -1n,
  appendedAt: null,
  producerId: "-1",
  leaderEpoch: -1,
  inTransaction: false,
  isControlBatch: false,
};
