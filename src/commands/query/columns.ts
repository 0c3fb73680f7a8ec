import type { QueryOptions } from "../../cli/commands/query.ts";
import { UsageError } from "../../errors.ts";
import type { Cell, Column, Format, RenderOptions } from "../../formats/format.ts";
import { formats } from "../../formats/mod.ts";
import { records } from "../../formats/records.ts";
import { copyCsv, copyRecords, type CopyRows } from "../../formats/text_rows.ts";
import { COLUMNS, DISTANCE, ORIGIN } from "../../formats/columns.ts";
import { suggest } from "../../suggest.ts";
import type { FoundRow } from "../../postgres/find.ts";

/** What the format must know about the terminal. */
export type Terminal = Pick<RenderOptions, "unicode" | "ascii" | "width" | "height" | "color"> & {
  /** Whether earlier output can be overwritten. */
  canRedraw: boolean;
};

const GAP_MS = 30 * 60_000;

/** Seconds without a fix after which a new segment of a track begins. */
export function gapOf({ gapMs }: Pick<QueryOptions, "gapMs">): number {
  return (gapMs ?? GAP_MS) / 1000;
}

type What = QueryOptions["what"];

/** A format with the cells that it shows. */
export interface View {
  format: Format;
  /** The cells to show for a row. */
  cells(row: FoundRow): Cell[];
  /** Makes the same text faster, of fixes as text; null: there is no faster way. */
  copy: CopyRows | null;
}

/** Opens the requested format with the requested columns. */
export function openView(
  options: QueryOptions,
  terminal: Terminal,
  extent: RenderOptions["extent"] = null,
): View {
  const { what, near } = options;
  const present = presenter(what, near !== null);
  const shown = near && isFixes(what) ? [...COLUMNS[what], ...DISTANCE] : COLUMNS[what];
  const known = isFixes(what) ? [...shown, ...ORIGIN] : shown;
  const chosen = options.columns && indexesOf(options.columns, known);
  const columns = chosen ? chosen.map((index) => known[index]!) : shown;
  // Fixes in ndjson have the format of the topic, for `routes produce --stdin`.
  const isRecords = options.format === "ndjson" && isFixes(what);
  const { open } = formats[options.format]!;
  return {
    format: isRecords && !chosen
      ? records(options.userField ?? undefined)
      : open({ ...options, ...terminal, gapS: gapOf(options), extent, columns }),
    cells: (row) => {
      const all = present(row);
      return chosen ? chosen.map((index) => all[index]!) : all;
    },
    copy: isFixes(what) && !near && !chosen ? copierOf(options) : null,
  };
}

function copierOf({ format, time, tz, userField }: QueryOptions): CopyRows | null {
  if (format === "ndjson") return copyRecords(userField ?? undefined);
  if (format !== "csv" || time === "ms") return null;
  return time === "unix" || tz === "UTC" ? copyCsv(time) : null;
}

/** Whether a column is named that only the source of a fix has. */
export function needsOrigin({ what, columns }: Pick<QueryOptions, "what" | "columns">): boolean {
  return isFixes(what) &&
    (columns ?? []).some((name) => ORIGIN.some((column) => column.name === name));
}

function isFixes(what: What): boolean {
  return what === "points" || what === "last";
}

/** The index of each named column. */
function indexesOf(chosen: string[], columns: Column[]): number[] {
  const names = columns.map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const meant = chosen.map((name) => suggest(name, names));
    const hint = `--columns ${meant.includes(null) ? names : [...new Set(meant)]}`;
    throw new UsageError(`unknown column "${unknown}"`, hint);
  }
  const twice = chosen.find((name, i) => chosen.indexOf(name) < i);
  if (twice !== undefined) {
    throw new UsageError(`column "${twice}" is given twice`, `--columns ${[...new Set(chosen)]}`);
  }
  return chosen.map((name) => names.indexOf(name));
}

/** Derived numbers are rounded to their precision; stored values are not changed. */
function presenter(what: What, near: boolean): (row: FoundRow) => Cell[] {
  if (what === "summary") return summarize;
  if (what === "rejects") return presentReject;
  if (!near || what === "codes") return (row) => row as Cell[];
  return (row) => row.with(DISTANCE_AT, round(row[DISTANCE_AT] as number, 1)) as Cell[];
}

const DISTANCE_AT = 4;

function presentReject(row: FoundRow): Cell[] {
  const [key, headers, value] = row.slice(-3) as [
    Uint8Array | null,
    string | null,
    Uint8Array | null,
  ];
  return [...row.slice(0, -3), bytesText(key), headers, bytesText(value)] as Cell[];
}

/** From user, fixes, first, last, metres, seconds, west, south, east, north; `--bbox` accepts the box. */
function summarize(row: FoundRow): Cell[] {
  const [user, fixes, first, last, metres, seconds, ...box] = row as number[];
  // Null when no coordinate is finite.
  const km = (metres as number | null) === null ? null : metres! / 1000;
  const speed = km !== null && seconds! > 0 ? round(km / (seconds! / 3600), 1) : null;
  return [user!, fixes!, first!, last!, km === null ? null : round(km, 3), speed, box.join()];
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text where the bytes are UTF-8, else `\x` and hex digits, as PostgreSQL writes them. */
function bytesText(bytes: Uint8Array | null): string | null {
  if (bytes === null) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return `\\x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
}
