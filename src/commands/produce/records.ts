import { invalidBefore, LABEL_HEADER, makeInvalid, PADDING_HEADER } from "./invalid_records.ts";
import type { ProduceOptions } from "../../cli/commands/produce.ts";
import { OperationalError } from "../../errors.ts";
import { concat, splitLines } from "./lines.ts";
import { encodePoint, type Point } from "../../record/point.ts";
import { type Reject, validate } from "../../record/validate.ts";
import { track, type TrackOptions } from "./generator.ts";

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
  const points = track(options);
  for (let made = 0; made < options.count; made += CHUNK) {
    const records: GeneratedRecord[] = [];
    const end = Math.min(made + CHUNK, options.count);
    for (let index = made; index < end; index++) {
      records.push(makeRecord(points.next().value, index, options));
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

/**
 * Reads NDJSON; the value of a record is the unchanged bytes of its line. An invalid line throws an OperationalError after
 * the valid lines before it. An abort of the signal ends the input, even while it waits for more.
 */
export async function* readRecords(
  input: ReadableStream<Uint8Array>,
  { key, signal, strict = false }: Pick<MakeOptions, "key"> & {
    signal: AbortSignal;
    strict?: boolean;
  },
): AsyncGenerator<GeneratedRecord[]> {
  let first = 1;
  for await (const lines of splitLines(readUntil(input, signal))) {
    // The abort may have cut the last line short.
    if (signal.aborted) return;
    const { points, rejects } = validate(
      lines.map((value, i) => {
        return { offset: String(first + i), timestamp: "0", key: null, value };
      }),
      { strict },
    );
    const bad = rejects[0];
    const good = bad ? lines.slice(0, bad.offset - first) : lines;
    yield good.map((value, i) => ({
      key: key === "user" ? String(points.userIDs[i]) : null,
      value,
    }));
    if (bad) throw badLine(bad);
    first += lines.length;
  }
}

async function* readUntil(
  stream: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  const cancel = () => void reader.cancel();
  signal.addEventListener("abort", cancel);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

function badLine({ offset, code, path, reason }: Reject): OperationalError {
  return new OperationalError(
    "data",
    `line ${offset} of stdin is not a valid record: ${path && path + ": "}${reason}`,
    {
      reason: [code, "this line and all later lines were not sent"],
      hint: "correct this line, then send it and all later lines",
    },
  );
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
