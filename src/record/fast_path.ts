import { isPoint, type Point } from "./point.ts";

// Reads a record directly from its bytes if it has the exact form that this program or the original one writes. This
// costs a tenth of TextDecoder, JSON.parse() and the schema together. It accepts only records that they accept, with
// numbers equal to the last bit, and leaves every other form to them.

// Spaces in these literals are optional in the input: Python's json.dumps() writes them, JSON.stringify() does not.
const USER = ascii('{"userID": ');
const ORIGINAL_USER = ascii('{"userId": ');
const TIMESTAMP = ascii(', "timestamp": ');
const COORDINATES = ascii(', "coordinates": [');
const NEXT = ascii(", ");
const END = ascii("]}");

const SPACE = 0x20;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;

/** The powers of ten that a double represents exactly. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** The point in these bytes; null when they have another form, valid or not. */
export function readPoint(bytes: Uint8Array): Point | null {
  const scanner = new ByteScanner(bytes);
  if (!scanner.skip(USER) && !scanner.skip(ORIGINAL_USER)) return null;
  const userID = scanner.number();
  if (!scanner.skip(TIMESTAMP)) return null;
  const timestamp = scanner.number();
  if (!scanner.skip(COORDINATES)) return null;
  const latitude = scanner.number();
  if (!scanner.skip(NEXT)) return null;
  const longitude = scanner.number();
  if (!scanner.skip(END) || !scanner.isAtEnd()) return null;
  // NaN, the result of a failed number(), is rejected here.
  if (!isPoint(userID, timestamp, latitude, longitude)) return null;
  return {
    userID: userID + 0,
    timestamp: timestamp + 0,
    coordinates: [latitude + 0, longitude + 0],
  };
}

class ByteScanner {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  skip(literal: Uint8Array): boolean {
    let at = this.#at;
    for (let i = 0; i < literal.length; i++) {
      if (this.#bytes[at] === literal[i]) at++;
      else if (literal[i] !== SPACE) return false;
    }
    this.#at = at;
    return true;
  }

  /**
   * Reads a number; NaN when it is not `-?(0|[1-9][0-9]*)(\.[0-9]+)?`, the JSON grammar without an exponent.
   *
   * An integer below 2^53 and a power of ten up to 10^22 are exact as doubles, so their quotient is rounded once, which
   * is correct (W. D. Clinger, "How to read floating point numbers accurately", 1990). Longer numbers are left to Number().
   */
  number(): number {
    const bytes = this.#bytes;
    const start = this.#at;
    const isNegative = bytes[start] === MINUS;
    const first = isNegative ? start + 1 : start;
    let at = first;
    let dot = -1;
    let digits = 0;
    for (;; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit >= 0 && digit <= 9) digits = digits * 10 + digit;
      else if (bytes[at] === DOT && dot === -1) dot = at;
      else break;
    }
    const whole = (dot === -1 ? at : dot) - first;
    const decimals = dot === -1 ? 0 : at - dot - 1;
    if (whole === 0 || (whole > 1 && bytes[first] === ZERO)) return NaN;
    if (dot !== -1 && decimals === 0) return NaN;
    this.#at = at;
    if (digits > Number.MAX_SAFE_INTEGER || decimals >= POWERS.length) {
      return Number(textOf(bytes, start, at));
    }
    const value = digits / POWERS[decimals]!;
    return isNegative ? -value : value;
  }
}

/** Appends characters one by one: for a short number, a call of TextDecoder costs more. */
function textOf(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
