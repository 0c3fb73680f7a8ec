import type { Extent } from "../record/geo.ts";
import type { Tiles } from "./tiles.ts";

/** The value of a cell; times are seconds since 1970. */
export type Cell = number | string | null;

/** One column of a result. */
export interface Column {
  name: string;
  kind: "integer" | "decimal" | "time" | "text";
  /** Decimals to show to people; by default all. */
  digits?: number;
  /** Of its values, if its name does not say it: for people. */
  unit?: string;
}

/** How to render a result; a format uses the options that concern it. */
export interface RenderOptions {
  columns: Column[];
  /** Whether to show column names. */
  header: boolean;
  time: "iso" | "unix" | "ms";
  /** The time zone of iso. */
  tz: string;
  /** Seconds without a fix after which a new segment of the track begins. */
  gapS: number;
  /** Tolerance of simplified tracks in metres; null: keep every fix. */
  simplifyM: number | null;
  /** The background of a page; null: none. */
  tiles: Tiles | null;
  /** The extent of all fixes; null if there are none or the format does not need it. */
  extent: Extent | null;
  /** Whether the terminal supports Unicode. */
  unicode: boolean;
  /** Whether the locale has no other characters than ASCII; for files too. */
  ascii: boolean;
  /** Columns of the terminal; null: not a terminal. */
  width: number | null;
  /** Lines of the terminal; null: not a terminal. */
  height: number | null;
  color: boolean;
}

/** Turns a result into text, batch by batch: head + rows + rows … + tail(). */
export interface Format {
  head: string;
  rows(batch: Cell[][]): string;
  tail(): string;
}

/** Starts the output of one result. */
export type Open = (options: RenderOptions) => Format;
