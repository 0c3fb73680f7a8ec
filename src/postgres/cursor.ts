import type { FoundRow } from "./find.ts";
import type { RowTap } from "./row_tap.ts";

/**
 * Reads through an SQL cursor and fetches one batch ahead. A protocol-level cursor would not work: PostgreSQL treats it
 * as one statement, which keeps running while the reader of our output pauses, until statement_timeout cancels it.
 */
export async function* readCursor<T>(
  select: () => Promise<string>,
  inside: Inside,
  { size, tap, taken }: {
    /** Rows in a batch. */
    size: number;
    /** Open while a batch arrives; null: the rows reach postgres.js. */
    tap: RowTap | null;
    /** Called with each batch as soon as it has arrived. */
    taken: (rows: Batch) => T;
  },
): AsyncGenerator<T> {
  const receive = async (before: string[]) => {
    tap?.open();
    try {
      const batch = await inside(...before, `fetch ${size} from page`);
      return { count: batch.count, rows: taken(batch) };
    } finally {
      tap?.close();
    }
  };
  const fetch = (...before: string[]) => {
    const batch = receive(before);
    // The fetch can fail before it is awaited: this avoids an unhandled rejection, and the await still throws.
    batch.catch(() => {});
    return batch;
  };
  let next: ReturnType<typeof fetch> | null = null;
  let hasFailed = false;
  try {
    next = fetch(`declare page no scroll cursor for ${await select()}`);
    while (next) {
      const { count, rows }: Awaited<ReturnType<typeof fetch>> = await next;
      next = count < size ? null : fetch();
      if (count > 0) yield rows;
    }
  } catch (error) {
    hasFailed = true;
    throw error;
  } finally {
    await next?.catch(() => {});
    // After a failure the connection is closed, or gone.
    if (!hasFailed) await inside("rollback").catch(() => {});
  }
}

/** Runs statements; returns the rows of the last. */
export type Inside = (...statements: string[]) => Promise<Batch>;

/** Rows as postgres.js returns them. */
export type Batch = FoundRow[] & { count: number; columns: { type: number }[] };

/** A statement of postgres.js. */
export type Statement<T> = Promise<T> & { cancel(): void };

/** The result of a statement; an abort of the signal cancels it. */
export async function cancellable<T>(query: Statement<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const cancel = () => query.cancel();
  signal.addEventListener("abort", cancel);
  try {
    return await query;
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
