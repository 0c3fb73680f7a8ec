import { invalidBefore, LABEL_HEADER, makeInvalid, PADDING_HEADER } from "./invalid_records.ts";
import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { concat } from "./lines.ts";
import { encodePoint, type Point } from "../../record/point.ts";
import { openTrack, type TrackOptions } from "./generator.ts";

/** A record to send, generated or read from stdin; the key determines the partition. */
export interface GeneratedRecord {
  key: string | null;
  /** Null is a tombstone. */
  value: string | Uint8Array | null;
  headers?: Record<string, string>;
}

/** Everything that determines the generated records. */
export interface MakeOptions
  extends TrackOptions, Pick<ProduceOptions, "key" | "invalidPercent" | "userField"> {
  /** How many records; may be infinite. */
  count: number;
  /** Whether invalid records may have 1 MiB. */
  heavy: boolean;
}

/** Records per chunk. */
const CHUNK = 500;

/** The points of a track as records, some of them invalid. */
export function* makeRecords(options: MakeOptions): Generator<GeneratedRecord[]> {
  const fixOf = openTrack(options);
  for (let made = 0; made < options.count; made += CHUNK) {
    const records: GeneratedRecord[] = [];
    const end = Math.min(made + CHUNK, options.count);
    for (let index = made; index < end; index++) {
      records.push(makeRecord(fixOf(index), index, options));
    }
    yield records;
  }
}

function makeRecord(point: Point, index: number, options: MakeOptions): GeneratedRecord {
  const key = options.key === "user" ? String(point.userID) : null;
  const before = invalidBefore(index, options.invalidPercent);
  if (invalidBefore(index + 1, options.invalidPercent) === before) {
    return { key, value: encodePoint(point, options.userField) };
  }
  const { label, value, header } = makeInvalid(point, before, options);
  return {
    key,
    value,
    headers: { [LABEL_HEADER]: label, ...(header && { [PADDING_HEADER]: header }) },
  };
}

/** The values as lines; bytes are not changed, and a tombstone is an empty line. */
export function toLines(records: GeneratedRecord[]): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let text = "";
  for (const { value } of records) {
    if (value === null || typeof value === "string") {
      text += (value ?? "") + "\n";
    } else {
      parts.push(encoder.encode(text), value);
      text = "\n";
    }
  }
  parts.push(encoder.encode(text));
  return concat(parts);
}
