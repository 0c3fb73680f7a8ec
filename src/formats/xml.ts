import { isoTime } from "./cell.ts";

/** A number as an XML Schema `decimal`, without an exponent; numbers that need one are rounded to 18 decimals. */
export function decimal(value: number): string {
  const text = String(value);
  // Readers must support only 18 digits (XML Schema 2, section 5.1), and some support no more.
  return text.includes("e") ? value.toFixed(18).replace(/\.?0+$/, "") : text;
}

/** Seconds since 1970 as XML Schema's `dateTime`; null where the year does not have four digits. */
export function dateTime(seconds: number): string | null {
  const text = isoTime(seconds);
  return /^\d{4}-/.test(text) ? text : null;
}
