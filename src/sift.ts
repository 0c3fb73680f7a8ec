import { parsePoint, type Point } from "./point.ts";

/** A record of the topic as it came from the broker; offsets are safe integers. */
export interface Message {
  offset: string;
  /** Milliseconds since 1970, as decimal text. */
  timestamp: string;
  key: Uint8Array | null;
  value: Uint8Array | null;
  /** Name to value; an array where a name came more than once. */
  headers?: Record<string, HeaderValue | HeaderValue[] | undefined>;
}
type HeaderValue = Uint8Array | string;

/** Valid records, column by column, in offset order. */
export interface Points {
  offsets: number[];
  userIDs: number[];
  timestamps: number[];
  latitudes: number[];
  longitudes: number[];
}

/** Why a record is no row. `path` and `message` are text for people; `code` is stable. */
export interface Reject {
  offset: number;
  message: Message;
  code: "json_syntax" | "utf8" | "schema" | "depth" | "size" | "duplicate_key" | `db_${string}`;
  /** Such as `coordinates[0]`; empty when the whole value is at fault. */
  path: string;
  /** Expected and received, at most 200 characters of the value. */
  reason: string;
}

/** What became of a run of records: nothing is lost, nothing throws. */
export interface Sifted {
  points: Points;
  rejects: Reject[];
  tombstones: number;
}

const VALUE_MAX = 1_048_576;
const DEPTH_MAX = 64;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Judges records: each becomes a row, a reject or a tombstone; nothing throws, nothing waits. */
export function sift(messages: Message[]): Sifted {
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
    if (message.value === null) {
      tombstones++;
      continue;
    }
    const judged = judge(message);
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

function judge({ value, key, headers }: Message): Point | Fault {
  const bytes = value!;
  if (bytes.length > VALUE_MAX) return fault("size", `the value has ${bytes.length} bytes`);
  const around = (key?.length ?? 0) + sizeOf(headers);
  if (around > VALUE_MAX) return fault("size", `key and headers have ${around} bytes`);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return fault("utf8", "the bytes are not UTF-8");
  }
  if (bytes.length > DEPTH_MAX && isTooDeep(text)) {
    return fault("depth", `nested deeper than ${DEPTH_MAX}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return fault("json_syntax", (error as Error).message);
  }
  const parsed = parsePoint(json);
  return parsed.ok ? parsed.point : { code: "schema", path: parsed.path, reason: parsed.reason };
}

function fault(code: Reject["code"], reason: string): Fault {
  return { code, path: "", reason };
}

function sizeOf(headers: Message["headers"]): number {
  let size = 0;
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const value of [values].flat()) size += name.length + (value?.length ?? 0);
  }
  return size;
}

/** Counts brackets outside of strings, since the parser would go down with them. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0, quoted = false; at < text.length; at++) {
    const char = text[at];
    if (char === '"') quoted = !quoted;
    else if (char === "\\" && quoted) at++;
    else if (quoted) continue;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
    if (depth > DEPTH_MAX) return true;
  }
  return false;
}
