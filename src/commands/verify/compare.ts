import type { Message, Points, Validated } from "../../record/validate.ts";
import type { Held } from "../../postgres/audit.ts";

/** Bytes of a packed row: offset (int64), user (int32), timestamp, latitude, longitude (float64), all big-endian. */
export const ROW_BYTES = 36;

/** A record that the database does not hold exactly once, as it should. */
interface Discrepancy {
  /** "orphan": the database has it, but the topic has no record at that offset. */
  kind: "missing" | "extra" | "different" | "orphan";
  offset: number;
}

/** The result for the records of one range; `discrepancies` is empty when all are accounted for. */
interface Comparison {
  stored: number;
  rejected: number;
  tombstones: number;
  discrepancies: Discrepancy[];
}

/**
 * Compares records of the topic with the rows and rejects of the same offsets.
 *
 * A valid record must be a bit-identical row, or a reject with its own bytes, since the database may have rejected it.
 * An invalid record must be a reject with its own bytes. A tombstone must have neither row nor reject.
 */
export function compare(
  messages: Message[],
  { points, rejects, tombstones }: Validated,
  held: Held,
): Comparison {
  const plain = held.rejects.size === 0 && rejects.length === 0 && equal(pack(points), held.rows);
  if (plain) return { stored: points.offsets.length, rejected: 0, tombstones, discrepancies: [] };
  return compareEach(messages, points, tombstones, held);
}

/** Packs rows in the format of ROW_BYTES. */
export function pack({ offsets, userIDs, timestamps, latitudes, longitudes }: Points): Uint8Array {
  const bytes = new Uint8Array(offsets.length * ROW_BYTES);
  const view = new DataView(bytes.buffer);
  for (let i = 0, at = 0; i < offsets.length; i++, at += ROW_BYTES) {
    const offset = offsets[i]!;
    view.setUint32(at, offset / 2 ** 32);
    view.setUint32(at + 4, offset % 2 ** 32);
    view.setInt32(at + 8, userIDs[i]!);
    view.setFloat64(at + 12, timestamps[i]!);
    view.setFloat64(at + 20, latitudes[i]!);
    view.setFloat64(at + 28, longitudes[i]!);
  }
  return bytes;
}

function compareEach(
  messages: Message[],
  points: Points,
  tombstones: number,
  held: Held,
): Comparison {
  const { rows, duplicates } = unpack(held.rows);
  const rejects = new Map(held.rejects);
  const expected = unpack(pack(points)).rows;
  const result: Comparison = { stored: 0, rejected: 0, tombstones, discrepancies: [] };
  const report = (kind: Discrepancy["kind"], offset: number) =>
    result.discrepancies.push({ kind, offset });
  for (const message of messages) {
    const offset = Number(message.offset);
    if (message.damage) {
      for (let at = offset + 1; at <= message.damage.lastOffset; at++) rejects.delete(at);
    }
    const verdict = judge(message, expected.get(offset), rows.get(offset), {
      isReject: rejects.has(offset),
      kept: rejects.get(offset) ?? null,
    });
    rows.delete(offset);
    rejects.delete(offset);
    if (verdict === "stored" || verdict === "rejected") result[verdict]++;
    else if (verdict !== "tombstone") report(verdict, offset);
  }
  for (const offset of duplicates) report("extra", offset);
  for (const offset of [...rows.keys(), ...rejects.keys()]) report("orphan", offset);
  result.discrepancies.sort((a, b) => a.offset - b.offset);
  return result;
}

/** Compares one record with its row and its reject. */
function judge(
  { value, damage }: Message,
  expected: Uint8Array | undefined,
  row: Uint8Array | undefined,
  { isReject, kept }: { isReject: boolean; kept: Uint8Array | null },
): "stored" | "rejected" | "tombstone" | Exclude<Discrepancy["kind"], "orphan"> {
  if (value === null && !damage) return row || isReject ? "extra" : "tombstone";
  if (row && isReject) return "extra";
  if (row) return expected && equal(row, expected) ? "stored" : "different";
  if (isReject) return isSame(kept, value) ? "rejected" : "different";
  return "missing";
}

function unpack(packed: Uint8Array): { rows: Map<number, Uint8Array>; duplicates: number[] } {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const rows = new Map<number, Uint8Array>();
  const duplicates: number[] = [];
  for (let at = 0; at < packed.length; at += ROW_BYTES) {
    const offset = view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
    if (rows.has(offset)) duplicates.push(offset);
    rows.set(offset, packed.subarray(at, at + ROW_BYTES));
  }
  return { rows, duplicates };
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a && b ? equal(a, b) : a === b;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
