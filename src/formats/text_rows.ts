import type { UserField } from "../record/point.ts";

/** Fixes as text, maybe of a table that another program has written; columns: user, time, latitude, longitude. */
export interface TextRows {
  count: number;
  bytes: Uint8Array;
  /** Where the four cells of each row begin and end in `bytes`, in turns; -1 for null. */
  cells: Int32Array;
  /** Whether the columns are integers and floats, so that cells without an exponent are as JavaScript writes them. */
  isPlain: boolean;
}

/**
 * Makes lines from the text of fixes without reading the numbers; `other` gives the line of a row that has more than plain
 * numbers, such as an exponent. The next call overwrites the result.
 */
export type CopyRows = (rows: TextRows, other: (row: number) => string) => Uint8Array;

/** Lines of csv() with times in UTC or as seconds. */
export function copyCsv(time: "iso" | "unix"): CopyRows {
  const [comma, end] = [encoder.encode(","), encoder.encode("\n")];
  return copier((line, rows, at) =>
    line.number(rows, at) && line.add(comma) &&
    (time === "iso" ? line.time(rows, at + 2) : line.number(rows, at + 2)) && line.add(comma) &&
    line.number(rows, at + 4) && line.add(comma) &&
    line.number(rows, at + 6) && line.add(end)
  );
}

/** Lines of records(). */
export function copyRecords(userField: UserField = "userID"): CopyRows {
  const user = encoder.encode(`{"${userField}":`);
  const time = encoder.encode(',"timestamp":');
  const place = encoder.encode(',"coordinates":[');
  const [comma, end] = [encoder.encode(","), encoder.encode("]}\n")];
  return copier((line, rows, at) =>
    line.add(user) && line.number(rows, at) &&
    line.add(time) && line.float(rows, at + 2) &&
    line.add(place) && line.float(rows, at + 4) && line.add(comma) &&
    line.float(rows, at + 6) && line.add(end)
  );
}

const encoder = new TextEncoder();

/** Begin and end of four cells. */
const ROW_CELLS = 8;
/** More than the longest line of plain numbers. */
const LINE_BYTES = 200;

/** `copy` adds the line of the row whose cells begin there, and returns whether it could. */
function copier(copy: (lines: Lines, rows: TextRows, at: number) => boolean): CopyRows {
  const lines = new Lines();
  return (rows, other) => {
    lines.length = 0;
    for (let row = 0; row < rows.count; row++) {
      const before = lines.length;
      lines.reserve(LINE_BYTES);
      if (rows.isPlain && copy(lines, rows, row * ROW_CELLS)) continue;
      lines.length = before;
      const text = encoder.encode(other(row));
      lines.reserve(text.length);
      lines.add(text);
    }
    return lines.bytes();
  };
}

const ZERO = "0".charCodeAt(0);
const NINE = "9".charCodeAt(0);
const POINT = ".".charCodeAt(0);
const MINUS = "-".charCodeAt(0);
const COLON = ":".charCodeAt(0);
const POINT_ZERO = encoder.encode(".0");
const UTC = encoder.encode("Z");
/** Of a time. */
const DECIMALS_MIN = 3;
const DAY_S = 86_400;
/** The year 10 000, from which on ISO 8601 needs a sign. */
const END_S = 253_402_300_800;

/** Lines in bytes. Its methods add to them, after reserve(), and return whether they could. */
class Lines {
  /** Bytes so far. */
  length = 0;
  #out = new Uint8Array(2 ** 16);
  /** Of the last number. */
  #hasPoint = false;
  #day = -1;
  /** The day as `2026-11-24T`. */
  #date = new Uint8Array();

  bytes(): Uint8Array {
    return this.#out.subarray(0, this.length);
  }

  /** Makes room. */
  reserve(bytes: number): void {
    if (this.length + bytes <= this.#out.length) return;
    const larger = new Uint8Array(2 * this.#out.length + bytes);
    larger.set(this.bytes());
    this.#out = larger;
  }

  add(bytes: Uint8Array): true {
    for (let i = 0; i < bytes.length; i++) this.#out[this.length++] = bytes[i]!;
    return true;
  }

  /** A number as it is. JavaScript writes minus zero without its sign. */
  number({ bytes, cells }: TextRows, at: number): boolean {
    const from = cells[at]!;
    const to = cells[at + 1]!;
    if (to - from === 2 && bytes[from] === MINUS && bytes[from + 1] === ZERO) return false;
    this.#hasPoint = false;
    for (let i = from; i < to; i++) {
      const byte = bytes[i]!;
      if (byte === POINT) this.#hasPoint = true;
      else if (!isDigit(byte) && byte !== MINUS) return false;
      this.#out[this.length++] = byte;
    }
    return from < to;
  }

  /** A number with a point. */
  float(rows: TextRows, at: number): boolean {
    return this.number(rows, at) && (this.#hasPoint || this.add(POINT_ZERO));
  }

  /** Seconds since 1970 as isoTime() writes them. */
  time({ bytes, cells }: TextRows, at: number): boolean {
    const to = cells[at + 1]!;
    let next = cells[at]!;
    let seconds = 0;
    for (; next < to && isDigit(bytes[next]!); next++) seconds = seconds * 10 + bytes[next]! - ZERO;
    if (next === cells[at] || seconds >= END_S || next < to && bytes[next] !== POINT) return false;
    const day = Math.floor(seconds / DAY_S);
    if (day !== this.#day) {
      this.#day = day;
      this.#date = encoder.encode(new Date(day * DAY_S * 1000).toISOString().slice(0, 11));
    }
    this.add(this.#date);
    this.#two(Math.floor(seconds / 3600) % 24, COLON);
    this.#two(Math.floor(seconds / 60) % 60, COLON);
    this.#two(seconds % 60, POINT);
    const end = this.length + DECIMALS_MIN;
    while (++next < to) {
      if (!isDigit(bytes[next]!)) return false;
      this.#out[this.length++] = bytes[next]!;
    }
    while (this.length < end) this.#out[this.length++] = ZERO;
    return this.add(UTC);
  }

  #two(value: number, separator: number): void {
    this.#out[this.length++] = ZERO + Math.floor(value / 10);
    this.#out[this.length++] = ZERO + value % 10;
    this.#out[this.length++] = separator;
  }
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE;
}
