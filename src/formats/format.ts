import type { Extent } from "../record/geo.ts";

/** What a cell holds; times are seconds since 1970. */
export type Cell = number | string | null;

/** One column of a result. */
export interface Column {
  name: string;
  kind: "integer" | "decimal" | "time" | "text";
  /** Decimals that people are shown; as many as there are when not given. */
  digits?: number;
}

/** How a result is to look; formats take what concerns them. */
export interface RenderOptions {
  columns: Column[];
  /** Whether the names of the columns are shown. */
  header: boolean;
  time: "iso" | "unix" | "ms";
  /** Seconds without a fix after which a track goes on in a new segment. */
  gapS: number;
  /** Metres that a simplified track may be off; null: every fix. */
  simplifyM: number | null;
  /** Of all fixes to come; null where there are none, or where the format does not need it. */
  extent: Extent | null;
  /** Whether the terminal knows more than ASCII. */
  unicode: boolean;
  /** Columns of the terminal, null where there is none. */
  width: number | null;
  color: boolean;
}

/** Turns a result into text, batch by batch: head + rows + rows … + tail(). */
export interface Format {
  head: string;
  rows(batch: Cell[][]): string;
  tail(): string;
}

/** Begins one result. */
export type Open = (look: RenderOptions) => Format;
