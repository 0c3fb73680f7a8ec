import { DEPTH_MAX, findSyntaxFault, isTooDeep } from "./json.ts";
import { parsePoint, type Point } from "./point.ts";
import { findStrictFault, type StrictFault } from "./strict_keys.ts";
import { readPoint } from "./fast_path.ts";

/** A record of the topic as it came from the broker; offsets are safe integers. */
export interface Message {
  offset: string;
  /** Milliseconds since 1970, as decimal text. */
  timestamp: string;
  key: Uint8Array | null;
  value: Uint8Array | null;
  /** In order; names may repeat. */
  headers?: { key: string; value: Uint8Array | null }[];
  /** At least the bytes of key, value and headers together, where that is known without looking at them. */
  size?: number;
}

/** Valid records, column by column, in offset order. */
export interface Points {
  offsets: number[];
  userIDs: number[];
  timestamps: number[];
  latitudes: number[];
  longitudes: number[];
}

/** Why a record is no row. `path` and `reason` are text for people; `code` is stable. */
export interface Reject {
  offset: number;
  message: Message;
  code: "json_syntax" | "utf8" | "schema" | "depth" | "size" | StrictFault["code"] | `db_${string}`;
  /** Such as `coordinates[0]`; empty when the whole value is at fault. */
  path: string;
  /** Expected and found, at most 200 characters. */
  reason: string;
}

/** What became of a run of records: nothing is lost, nothing throws. */
export interface Validated {
  points: Points;
  rejects: Reject[];
  tombstones: number;
}

/** Bytes of a value, and again of key and headers together. */
const SIZE_MAX = 1_048_576;

// A decoder takes one byte order mark away; a second one is left, and is no JSON.
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Judges records: each becomes a row, a reject or a tombstone; nothing throws, nothing waits. `strict` rejects keys that are
 * not known, and those that stand twice.
 */
export function validate(messages: Message[], { strict = false } = {}): Validated {
  const points: Points = {
    offsets: [],
    userIDs: [],
    timestamps: [],
    latitudes: [],
    longitudes: [],
  };
  const rejects: Reject[] = [];
  let tombstones = 0;
  for (const message of messages) {
    const offset = Number(message.offset);
    // Asked once: it may be made for whoever asks.
    const { value } = message;
    if (value === null) {
      tombstones++;
      continue;
    }
    const judged = judge(value, message, strict);
    if ("code" in judged) {
      rejects.push({ offset, message, ...judged });
      continue;
    }
    points.offsets.push(offset);
    points.userIDs.push(judged.userID);
    points.timestamps.push(judged.timestamp);
    points.latitudes.push(judged.coordinates[0]);
    points.longitudes.push(judged.coordinates[1]);
  }
  return { points, rejects, tombstones };
}

type Fault = Pick<Reject, "code" | "path" | "reason">;

function judge(bytes: Uint8Array, message: Message, strict: boolean): Point | Fault {
  const isSmall = message.size !== undefined && message.size <= SIZE_MAX;
  const tooLarge = isSmall ? null : judgeSize(bytes, message);
  // What readPoint() reads has no other key, and each once.
  return tooLarge ?? readPoint(bytes) ?? judgeText(bytes, strict);
}

function judgeSize({ length }: Uint8Array, { key, headers }: Message): Fault | null {
  if (length > SIZE_MAX) {
    return fault("size", `expected at most ${SIZE_MAX} bytes, found ${length}`);
  }
  const around = (key?.length ?? 0) + sizeOf(headers);
  return around > SIZE_MAX
    ? fault("size", `expected at most ${SIZE_MAX} bytes of key and headers, found ${around}`)
    : null;
}

function judgeText(bytes: Uint8Array, strict: boolean): Point | Fault {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return fault("utf8", "expected UTF-8, found other bytes");
  }
  if (isTooDeep(bytes)) return fault("depth", `expected at most ${DEPTH_MAX} levels, found more`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return isUtf16(bytes)
      ? fault("utf8", "expected UTF-8, found UTF-16 or UTF-32")
      : fault("json_syntax", findSyntaxFault(text) ?? (error as Error).message);
  }
  const parsed = parsePoint(value, text);
  if (!parsed.ok) return { code: "schema", path: parsed.path, reason: parsed.reason };
  return (strict && findStrictFault(text)) || parsed.point;
}

function fault(code: Reject["code"], reason: string): Fault {
  return { code, path: "", reason };
}

/** Bytes of the headers; of their names, characters. */
function sizeOf(headers: Message["headers"] = []): number {
  return headers.reduce((size, { key, value }) => size + key.length + (value?.length ?? 0), 0);
}

/** Without a mark it is good UTF-8, full of zeros; these patterns of zeros are in RFC 4627, section 3. */
function isUtf16(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  return bytes.length % 2 === 0 && ((a === 0 && c === 0) || (b === 0 && d === 0));
}
