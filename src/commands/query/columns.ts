import type { QueryOptions } from "../../cli/commands/query.ts";
import { UsageError } from "../../errors.ts";
import type { Cell, Column, Format, RenderOptions } from "../../formats/format.ts";
import { formats } from "../../formats/mod.ts";
import { records } from "../../formats/records.ts";
import { suggest } from "../../suggest.ts";
import type { FoundRow } from "../../postgres/find.ts";

/** What the format must know about the terminal. */
export type Terminal = Pick<RenderOptions, "unicode" | "width" | "color"> & {
  /** Whether earlier output can be overwritten. */
  canRedraw: boolean;
};

const GAP_MS = 30 * 60_000;

type What = QueryOptions["what"];

/** A format with the cells that it shows. */
interface View {
  format: Format;
  /** The cells to show for a row. */
  cells(row: FoundRow): Cell[];
}

/** Opens the requested format with the requested columns. */
export function openView(
  options: QueryOptions,
  terminal: Terminal,
  extent: RenderOptions["extent"] = null,
): View {
  const { what, near } = options;
  const present = presenter(what, near !== null);
  const shown = columnsOf(what, near !== null);
  const known = what === "points" || what === "last" ? [...shown, ...ORIGIN] : shown;
  const chosen = options.columns && indexesOf(options.columns, known);
  const columns = chosen ? chosen.map((index) => known[index]!) : shown;
  const gapS = (options.gapMs ?? GAP_MS) / 1000;
  // Fixes in ndjson have the format of the topic, for `routes produce --stdin`.
  const isRecords = options.format === "ndjson" && (what === "points" || what === "last");
  const { open } = formats[options.format]!;
  return {
    format: isRecords && !chosen
      ? records(options.userField ?? undefined)
      : open({ ...options, ...terminal, gapS, extent, columns }),
    cells: (row) => {
      const all = present(row);
      return chosen ? chosen.map((index) => all[index]!) : all;
    },
  };
}

/** Columns of fixes that are shown only when they are named. */
const ORIGIN: Column[] = [
  { name: "partition", kind: "integer" },
  { name: "offset", kind: "integer" },
];

/** Whether a column is named that only the source of a fix has. */
export function needsOrigin({ what, columns }: Pick<QueryOptions, "what" | "columns">): boolean {
  const isFixes = what === "points" || what === "last";
  return isFixes && (columns ?? []).some((name) => ORIGIN.some((column) => column.name === name));
}

/** The index of each named column. */
function indexesOf(chosen: string[], columns: Column[]): number[] {
  const names = columns.map(({ name }) => name);
  const unknown = chosen.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const hint = `--columns ${suggest(unknown, names) ?? names.join(",")}`;
    throw new UsageError(`unknown column "${unknown}"`, hint);
  }
  const twice = chosen.find((name, i) => chosen.indexOf(name) < i);
  if (twice !== undefined) throw new UsageError(`column "${twice}" is given twice`);
  return chosen.map((name) => names.indexOf(name));
}

function columnsOf(what: What, near: boolean): Column[] {
  switch (what) {
    case "total":
      return [{ name: "total", kind: "integer" }];
    case "summary":
      return [
        { name: "user_id", kind: "integer" },
        { name: "fixes", kind: "integer" },
        { name: "first", kind: "time" },
        { name: "last", kind: "time" },
        { name: "km", kind: "decimal", digits: 3 },
        { name: "kmh", kind: "decimal", digits: 1 },
        { name: "box", kind: "text" },
      ];
    case "rejects":
      return [
        { name: "topic", kind: "text" },
        { name: "partition", kind: "integer" },
        { name: "offset", kind: "integer" },
        { name: "time", kind: "time" },
        { name: "code", kind: "text" },
        { name: "path", kind: "text" },
        { name: "message", kind: "text" },
        { name: "key", kind: "text" },
        { name: "headers", kind: "text" },
        { name: "value", kind: "text" },
      ];
    case "codes":
      return [
        { name: "code", kind: "text" },
        { name: "rejects", kind: "integer" },
        { name: "first", kind: "time" },
        { name: "last", kind: "time" },
      ];
    default:
      return [
        { name: "user_id", kind: "integer" },
        { name: "time", kind: "time" },
        { name: "latitude", kind: "decimal" },
        { name: "longitude", kind: "decimal" },
        ...(near ? [{ name: "distance_m", kind: "decimal", digits: 1 } as const] : []),
      ];
  }
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

/** From user, fixes, first, last, metres, west, south, east, north; `--bbox` accepts the box. */
function summarize(row: FoundRow): Cell[] {
  const [user, fixes, first, last, metres, ...box] = row as number[];
  // Null when no coordinate is finite.
  const km = (metres as number | null) === null ? null : metres! / 1000;
  const hours = (last! - first!) / 3600;
  const kmh = km !== null && hours > 0 ? round(km / hours, 1) : null;
  return [user!, fixes!, first!, last!, km === null ? null : round(km, 3), kmh, box.join()];
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
