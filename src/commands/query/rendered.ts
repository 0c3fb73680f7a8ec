import type { Finder, FoundRow } from "../../postgres/find.ts";
import type { Search } from "../../postgres/search.ts";
import type { View } from "./columns.ts";

/** A batch of rows as text. */
interface Piece {
  /** Rows that were found. */
  found: number;
  /** Rows among them with NaN or infinity. */
  notFinite: number;
  text: string | Uint8Array;
}

/** The rows of a search as text, batch by batch; rows beyond the limit, if any, are only counted. */
export async function* rendered(
  { format, cells, copy }: View,
  search: Search,
  limit: number | null,
  postgres: Finder,
): AsyncGenerator<Piece> {
  if (copy) {
    for await (const rows of postgres.findText(search)) {
      let notFinite = 0;
      const text = copy(rows, (index) => {
        const row = rows.row(index);
        notFinite += Number(row.some(isNotFinite));
        return format.rows([cells(row)]);
      });
      yield { found: rows.count, notFinite, text };
    }
    return;
  }
  let left = limit ?? Infinity;
  for await (const found of postgres.find(search)) {
    const rows = found.slice(0, left);
    left -= rows.length;
    const notFinite = rows.filter((row) => row.some(isNotFinite)).length;
    yield { found: found.length, notFinite, text: format.rows(rows.map(cells)) };
  }
}

/** Both texts, for one write. */
export function joined(head: string, text: Piece["text"]): Piece["text"] {
  if (typeof text === "string") return head + text;
  if (head === "") return text;
  const start = new TextEncoder().encode(head);
  const both = new Uint8Array(start.length + text.length);
  both.set(start);
  both.set(text, start.length);
  return both;
}

function isNotFinite(cell: FoundRow[number]): boolean {
  return typeof cell === "number" && !Number.isFinite(cell);
}
