import type { Cell, Column, RenderOptions } from "./format.ts";

/** Formats a cell as plain text without rounding; null is empty. */
export function textOf({ kind }: Column, time: RenderOptions["time"]): (cell: Cell) => string {
  if (kind !== "time" || time === "unix") return (cell) => cell === null ? "" : String(cell);
  const format = time === "iso" ? isoTime : milliseconds;
  return (cell) => cell === null ? "" : format(cell as number);
}

/** Formats a cell as JSON without rounding; numbers that JSON cannot express become null. */
export function jsonOf({ kind }: Column, time: RenderOptions["time"]): (cell: Cell) => string {
  if (kind === "text") return (cell) => JSON.stringify(cell);
  if (kind !== "time" || time === "unix") {
    return (cell) => Number.isFinite(cell) ? String(cell) : "null";
  }
  const format = time === "iso" ? (seconds: number) => `"${isoTime(seconds)}"` : milliseconds;
  return (cell) => Number.isFinite(cell) ? format(cell as number) : "null";
}

const DATE_SECONDS_MAX = 8_640_000_000_000;

/** ISO 8601 in UTC with all decimals, at least three; a number outside the range of dates stays a number. */
export function isoTime(seconds: number): string {
  if (!(Math.abs(seconds) <= DATE_SECONDS_MAX)) return String(seconds);
  const [, whole, decimals = ""] = /^(\d+)(?:\.(\d+))?$/.exec(String(seconds)) ?? [];
  // Negative numbers, and those that String() writes with an exponent, have no plain decimals.
  if (whole === undefined) return new Date(seconds * 1000).toISOString();
  const date = new Date(Number(whole) * 1000).toISOString();
  return `${date.slice(0, -4)}${decimals.padEnd(3, "0")}Z`;
}

function milliseconds(seconds: number): string {
  return String(Math.round(seconds * 1000));
}
