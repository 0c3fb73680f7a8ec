import type { LastWords } from "./login_guard.ts";
import { LOST } from "./sqlstates.ts";

/** A cursor that another session declared. */
const NO_CURSOR = "34000";

/**
 * Remembers why the server ended sessions. postgres.js drops that when no statement runs: the next one then fails because
 * the connection is gone, or because the new session knows nothing of the transaction.
 */
export class SessionEnds {
  #last: LastWords | null = null;
  #before: LastWords | null = null;

  /** The server ended a session. */
  ended(last: LastWords): void {
    this.#last = last;
  }

  /** A new session has begun. */
  started(): void {
    [this.#before, this.#last] = [this.#last, null];
  }

  /** The error, or what it follows from. */
  causeOf(error: unknown): unknown {
    const { code } = (error ?? {}) as { code?: unknown };
    if (typeof code !== "string") return error;
    const words = LOST.includes(code) ? this.#last : code === NO_CURSOR ? this.#before : null;
    return words ? Object.assign(new Error(words.message), { code: words.code }) : error;
  }
}
