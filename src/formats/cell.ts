import { zoneOffset } from "../units.ts";
import type { Cell, Column, RenderOptions } from "./format.ts";

type TimeForm = Pick<RenderOptions, "time" | "tz">;

/** Formats a cell as plain text without rounding; null is empty. */
export function textOf({ kind }: Column, { time, tz }: TimeForm): (cell: Cell) => string {
  if (kind !== "time" || time === "unix") return (cell) => cell === null ? "" : String(cell);
  const format = time === "iso" ? (seconds: number) => isoTime(seconds, tz) : milliseconds;
  return (cell) => cell === null ? "" : format(cell as number);
}

/** Formats a cell as JSON without rounding; numbers that JSON cannot express become null. */
export function jsonOf({ kind }: Column, { time, tz }: TimeForm): (cell: Cell) => string {
  if (kind === "text") return (cell) => JSON.stringify(cell);
  if (kind !== "time" || time === "unix") {
    return (cell) => Number.isFinite(cell) ? String(cell) : "null";
  }
  const format = time === "iso" ? (seconds: number) => `"${isoTime(seconds, tz)}"` : milliseconds;
  return (cell) => Number.isFinite(cell) ? format(cell as number) : "null";
}

const DATE_SECONDS_MAX = 8_640_000_000_000;

/**
 * ISO 8601 by the clock of a zone, with its difference to UTC and all decimals, at least three; a number outside the
 * range of dates stays a number.
 */
export function isoTime(seconds: number, zone = "UTC"): string {
  if (!(Math.abs(seconds) <= DATE_SECONDS_MAX)) return String(seconds);
  if (zone === "UTC") return utcTime(seconds);
  const offsetS = Math.round(zoneOffset(seconds * 1000, zone) / 1000);
  const minutes = Math.round(Math.abs(offsetS) / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  const sign = offsetS < 0 ? "-" : "+";
  // The decimals are those of the time in UTC: adding the difference could round them.
  const [, fraction] = /(\.\d+)Z$/.exec(utcTime(seconds))!;
  const local = new Date((Math.floor(seconds) + offsetS) * 1000).toISOString().slice(0, -5);
  return `${local}${fraction}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** `2026-11-24 10:00:05`, by the clock of a zone. */
export function clockText(seconds: number, zone: string): string {
  return isoTime(seconds, zone).slice(0, 19).replace("T", " ");
}

function utcTime(seconds: number): string {
  const [, whole, decimals = ""] = /^(\d+)(?:\.(\d+))?$/.exec(String(seconds)) ?? [];
  // Negative numbers, and those that String() writes with an exponent, have no plain decimals.
  if (whole === undefined) return new Date(seconds * 1000).toISOString();
  const time = Number(whole);
  const minute = Math.floor(time / 60);
  if (minute !== known.minute) {
    known = { minute, text: new Date(minute * 60_000).toISOString().slice(0, -"00.000Z".length) };
  }
  return `${known.text}${String(time % 60).padStart(2, "0")}.${decimals.padEnd(3, "0")}Z`;
}

/** The last minute: a date costs more than all else in a time, and times often follow each other. */
let known = { minute: NaN, text: "" };

function milliseconds(seconds: number): string {
  return String(Math.round(seconds * 1000));
}
