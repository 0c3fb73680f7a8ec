import { isoTime } from "./cell.ts";

/** A number as XML Schema's `decimal` has it: exact, and never with an exponent. */
export function decimal(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e-(\d+)$/.exec(text);
  if (!match) return text;
  const [, sign, digit, decimals = "", exponent] = match;
  return `${sign}0.${"0".repeat(Number(exponent) - 1)}${digit}${decimals}`;
}

/** Seconds since 1970 as XML Schema's `dateTime`; null where the year does not have four digits. */
export function dateTime(seconds: number): string | null {
  const text = isoTime(seconds);
  return /^\d{4}-/.test(text) ? text : null;
}
