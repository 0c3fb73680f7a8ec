import { DEPTH_MAX, findSyntaxError, isTooDeep } from "./json.ts";
import { parsePoint, type Point } from "./point.ts";
import type { RejectCode } from "./reject_codes.ts";
import { findStrictIssue } from "./strict_keys.ts";
import { readPoint } from "./fast_path.ts";

/** A record as received from the broker; offsets are safe integers. */
export interface Message {
  offset: string;
  /** Milliseconds since 1970, as decimal text. */
  timestamp: string;
  key: Uint8Array | null;
  value: Uint8Array | null;
  /** In order; a name can repeat. */
  headers?: { key: string; value: Uint8Array | null }[];
  /** Upper bound of the bytes of key, value and headers together, if known without decoding them. */
  size?: number;
  /** Set if the record could not be read, or only in part. */
  damage?: Damage;
}

/** Why a record could not be read; it stands for the offsets from its own to `lastOffset`. */
export interface Damage {
  code: "size" | "unreadable";
  reason: string;
  lastOffset: number;
}

/** Valid records, column by column, in offset order. */
export interface Points {
  offsets: number[];
  userIDs: number[];
  timestamps: number[];
  latitudes: number[];
  longitudes: number[];
}

/** A rejected record and why. Programs can rely on `code`; `path` and `reason` are for people. */
export interface Reject {
  offset: number;
  /** Only of a reject that stands for several offsets: the last one. */
  lastOffset?: number;
  message: Message;
  code: RejectCode;
  /** Such as `coordinates[0]`; empty when the whole value is invalid. */
  path: string;
  /** What was expected and what was found, at most 200 characters. */
  reason: string;
}

/** The result of validation: every record is a point, a reject or a tombstone. */
export interface Validated {
  points: Points;
  rejects: Reject[];
  tombstones: number;
}

/** Maximum bytes of a value; also of key and headers together. */
export const SIZE_MAX = 1_048_576;

// The decoder removes one byte order mark; a second one remains and is a JSON syntax error.
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Turns each record into a row, a reject or a tombstone; `strict` also rejects unknown and duplicate keys. */
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
    // Read once: the getter may decode the value on each access.
    const { value, damage } = message;
    if (damage) {
      rejects.push({ offset, message, path: "", ...damage });
      continue;
    }
    if (value === null) {
      tombstones++;
      continue;
    }
    const result = validateValue(value, message, strict);
    if ("code" in result) {
      rejects.push({ offset, message, ...result });
      continue;
    }
    points.offsets.push(offset);
    points.userIDs.push(result.userID);
    points.timestamps.push(result.timestamp);
    points.latitudes.push(result.coordinates[0]);
    points.longitudes.push(result.coordinates[1]);
  }
  return { points, rejects, tombstones };
}

type RejectReason = Pick<Reject, "code" | "path" | "reason">;

function validateValue(bytes: Uint8Array, message: Message, strict: boolean): Point | RejectReason {
  const isSmall = message.size !== undefined && message.size <= SIZE_MAX;
  const tooLarge = isSmall ? null : checkSize(bytes, message);
  // A record that readPoint() accepts has no unknown or duplicate keys.
  return tooLarge ?? readPoint(bytes) ?? validateText(bytes, strict);
}

function checkSize({ length }: Uint8Array, { key, headers }: Message): RejectReason | null {
  if (length > SIZE_MAX) {
    return rejectReason("size", `expected at most ${SIZE_MAX} bytes, found ${length}`);
  }
  const bytes = (key?.length ?? 0) + sizeOf(headers);
  return bytes > SIZE_MAX
    ? rejectReason("size", `expected at most ${SIZE_MAX} bytes of key and headers, found ${bytes}`)
    : null;
}

function validateText(bytes: Uint8Array, strict: boolean): Point | RejectReason {
  const schema = schemaIdOf(bytes);
  if (schema !== null) {
    return rejectReason(
      "json_syntax",
      `expected JSON, found the framing of schema ${schema} of a schema registry`,
    );
  }
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return rejectReason("utf8", "expected UTF-8, found other bytes");
  }
  if (isTooDeep(bytes)) {
    return rejectReason("depth", `expected at most ${DEPTH_MAX} levels, found more`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return isUtf16(bytes)
      ? rejectReason("utf8", "expected UTF-8, found UTF-16 or UTF-32")
      : rejectReason("json_syntax", findSyntaxError(text) ?? (error as Error).message);
  }
  const parsed = parsePoint(value, text);
  if (!parsed.ok) return { code: "schema", path: parsed.path, reason: parsed.reason };
  return (strict && findStrictIssue(text)) || parsed.point;
}

function rejectReason(code: Reject["code"], reason: string): RejectReason {
  return { code, path: "", reason };
}

/** Size of the headers: characters of the names plus bytes of the values. */
function sizeOf(headers: Message["headers"] = []): number {
  return headers.reduce((size, { key, value }) => size + key.length + (value?.length ?? 0), 0);
}

/** Serializers for a schema registry begin with a zero byte and the schema id of four bytes; else null. */
function schemaIdOf(bytes: Uint8Array): number | null {
  // UTF-16 and UTF-32 begin with zeros too, but others follow.
  if (bytes.length < 6 || bytes[0] !== 0 || bytes[1] !== 0 || bytes[5] === 0) return null;
  return bytes[2]! << 16 | bytes[3]! << 8 | bytes[4]!;
}

/** Without a byte order mark, UTF-16 of ASCII decodes as UTF-8 with NULs; patterns of RFC 4627, section 3. */
function isUtf16(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  return bytes.length % 2 === 0 && ((a === 0 && c === 0) || (b === 0 && d === 0));
}
