import { Buffer } from "node:buffer";

/** Type of the message that has one row. */
const DATA_ROW = "D".charCodeAt(0);

/** The whole size of the message that begins there: its type, four bytes of length, and its body. */
export function messageSize(bytes: Uint8Array, at: number): number {
  return int32(bytes, at + 1) + 1;
}

/**
 * Takes the rows out of the messages of a connection, before postgres.js turns each into objects: for a large result that
 * costs more than all other work.
 */
export class RowTap {
  #taken: Buffer[] | null = null;

  /** From now on, rows do not reach postgres.js. */
  open(): void {
    this.#taken = [];
  }

  /** The messages of the rows that came since open(). */
  take(): Uint8Array {
    return Buffer.concat(this.#taken ?? []);
  }

  /** Rows reach postgres.js again. */
  close(): void {
    this.#taken = null;
  }

  /** Keeps the rows among whole messages; returns the other messages. */
  filter(messages: Buffer): Buffer {
    if (!this.#taken) return messages;
    const others: Buffer[] = [];
    for (let at = 0; at < messages.length;) {
      const isRow = messages[at] === DATA_ROW;
      const from = at;
      while (at < messages.length && (messages[at] === DATA_ROW) === isRow) {
        at += messageSize(messages, at);
      }
      (isRow ? this.#taken : others).push(messages.subarray(from, at));
    }
    return Buffer.concat(others);
  }
}

/** Where the cells of rows begin and end, in turns; -1 and -1 for null. */
export function cellsOf(rows: Uint8Array, count: number, columns: number): Int32Array {
  const cells = new Int32Array(count * columns * 2).fill(-1);
  let next = 0;
  for (let at = 0; at < rows.length;) {
    at += HEADER_BYTES;
    for (let column = 0; column < columns; column++) {
      const size = int32(rows, at);
      at += 4;
      if (size >= 0) {
        cells[next] = at;
        cells[next + 1] = at += size;
      }
      next += 2;
    }
  }
  return cells;
}

/** Of a row: type, length, and the number of its columns. */
const HEADER_BYTES = 7;

function int32(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!;
}
