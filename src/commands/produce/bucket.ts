import type { GeneratedRecord } from "./records.ts";

/** The records of one partition that wait. */
export interface Bucket {
  records: GeneratedRecord[];
  bytes: number;
  /** When the oldest record must be sent. */
  dueMs: number;
}

/** What a record and a header need beside key, name and value, at most. */
const AROUND = 22;

/** No records. */
export function empty(): Bucket {
  return { records: [], bytes: 0, dueMs: Infinity };
}

/** The bytes of an encoded record, at most; text is ASCII. */
export function sizeOf({ key, value, headers }: GeneratedRecord): number {
  let size = AROUND + (key?.length ?? 0) + (value?.length ?? 0);
  for (const name in headers) size += AROUND + name.length + headers[name]!.length;
  return size;
}
