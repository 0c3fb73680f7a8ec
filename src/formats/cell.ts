import type { Cell, Column, RenderOptions } from "./format.ts";

/** A cell as plain text, exact; nothing for null. */
export function textOf({ kind }: Column, time: RenderOptions["time"]): (cell: Cell) => string {
  if (kind !== "time" || time === "unix") return (cell) => cell === null ? "" : String(cell);
  const form = time === "iso" ? isoTime : milliseconds;
  return (cell) => cell === null ? "" : form(cell as number);
}

/** A cell as JSON, exact; null too for a number that JSON does not have. */
export function jsonOf({ kind }: Column, time: RenderOptions["time"]): (cell: Cell) => string {
  if (kind === "text") return (cell) => JSON.stringify(cell);
  if (kind !== "time" || time === "unix") {
    return (cell) => Number.isFinite(cell) ? String(cell) : "null";
  }
  const form = time === "iso" ? (seconds: number) => `"${isoTime(seconds)}"` : milliseconds;
  return (cell) => Number.isFinite(cell) ? form(cell as number) : "null";
}

const DATE_SECONDS_MAX = 8_640_000_000_000;

/** ISO 8601 in UTC with all decimals of the number, at least three; a number that is no date stays a number. */
export function isoTime(seconds: number): string {
  if (!(Math.abs(seconds) <= DATE_SECONDS_MAX)) return String(seconds);
  const [, whole, decimals = ""] = /^(\d+)(?:\.(\d+))?$/.exec(String(seconds)) ?? [];
  // Before 1970, and within a microsecond of it, there is no plain decimal to take them from.
  if (whole === undefined) return new Date(seconds * 1000).toISOString();
  const date = new Date(Number(whole) * 1000).toISOString();
  return `${date.slice(0, -4)}${decimals.padEnd(3, "0")}Z`;
}

function milliseconds(seconds: number): string {
  return String(Math.round(seconds * 1000));
}
