import { Buffer } from "node:buffer";
import type { Message, Reject } from "../record/validate.ts";

type HeaderField = {
  key?: string;
  key_base64?: string;
  value?: string | null;
  value_base64?: string;
};

/** 4713 BC to the last millisecond of a Date: both within the range of timestamptz. */
const [CALENDAR_START_MS, CALENDAR_END_MS] = [Date.UTC(-4712, 0), 8_640_000_000_000_000];

/** The rejects of these steps as JSON, for json_to_recordset(). */
export function encodeRejects(
  steps: { source: number; validated: { rejects: Reject[] } }[],
): string {
  return JSON.stringify(
    steps.flatMap(({ source, validated }) =>
      validated.rejects.map(({ offset, lastOffset, message, code, path, reason }) => ({
        source_id: source,
        source_offset: offset,
        last_offset: lastOffset === offset ? null : lastOffset,
        record_time: calendarTime(Number(message.timestamp)),
        key: hex(message.key),
        value: hex(message.value),
        headers: headerList(message.headers ?? []),
        code,
        path: storable(path),
        message: storable(reason),
      }))
    ),
  );
}

/** Null for no time (-1), and for one that PostgreSQL cannot represent: the reject is stored without it. */
function calendarTime(ms: number): number | null {
  return ms !== -1 && ms >= CALENDAR_START_MS && ms <= CALENDAR_END_MS ? ms : null;
}

function hex(bytes: Uint8Array | null): string | null {
  return bytes && asBuffer(bytes).toString("hex");
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Headers in order; names and values as text if PostgreSQL's JSON can store it, else as base64. */
function headerList(headers: NonNullable<Message["headers"]>): HeaderField[] {
  return headers.map(({ key, value }) => ({
    ...field("key", Buffer.from(key)),
    ...(value ? field("value", asBuffer(value)) : { value: null }),
  }));
}

function field(name: "key" | "value", bytes: Buffer): HeaderField {
  const text = bytes.toString();
  return text.includes("\0") || !Buffer.from(text).equals(bytes)
    ? { [`${name}_base64`]: bytes.toString("base64") }
    : { [name]: text };
}

/** Replaces NUL and unpaired surrogates, which PostgreSQL's text cannot store. */
function storable(text: string): string {
  return text.replaceAll("\0", "\\0").toWellFormed();
}

/** `name=value` of each header in the JSON of encodeRejects(); null: none. */
export function describeHeaders(text: string | null): string | null {
  const list = decodeHeaders(text);
  if (list.length === 0) return null;
  return list.map(({ key, value }) => `${key}=${value === null ? "" : Buffer.from(value)}`).join(
    " ",
  );
}

/** Decodes headers from the JSON of encodeRejects(). */
export function decodeHeaders(text: string | null): NonNullable<Message["headers"]> {
  const fields: HeaderField[] = JSON.parse(text ?? "[]");
  return fields.map(({ key, key_base64, value, value_base64 }) => ({
    key: key ?? Buffer.from(key_base64!, "base64").toString(),
    value: value === null ? null : Buffer.from(value ?? value_base64!, value ? "utf8" : "base64"),
  }));
}
