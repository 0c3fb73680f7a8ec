import { fullMessage, OperationalError } from "../../errors.ts";
import type { Ledger } from "./settle.ts";

/** What waiting needs of the world. */
export interface BackoffDeps {
  ledger: Pick<Ledger, "judge" | "explain">;
  note(line: string): void;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** Resolves early when the signal ends. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Waits for a database that is away, and says why, each reason once an outage. */
export class Backoff {
  readonly #deps: BackoffDeps;
  readonly #limitMs: number;
  /** Null while the database answers. */
  #awaySince: number | null = null;
  readonly #said = new Set<string>();

  /** `limitMs`: how long an outage may last. */
  constructor(limitMs: number, deps: BackoffDeps) {
    this.#limitMs = limitMs;
    this.#deps = deps;
  }

  get isAway(): boolean {
    return this.#awaySince !== null;
  }

  answered(): void {
    this.#awaySince = null;
    this.#said.clear();
  }

  /** Repeats work on the database until it is done, fails for a reason that waiting does not mend, or `until` ends. */
  async repeat<T>(until: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        const result = await work();
        this.answered();
        return result;
      } catch (error) {
        if (error instanceof OperationalError) throw error;
        const { judge, explain } = this.#deps.ledger;
        if (judge(error).act !== "wait") throw explain(error);
        await this.wait(error, attempt, until);
      }
    }
  }

  /** Waits before the next attempt; throws the failure in words when there should be none. */
  async wait(error: unknown, attempt: number, until: AbortSignal): Promise<void> {
    const { ledger, note, clock, sleep } = this.#deps;
    const failure = ledger.explain(error);
    if (until.aborted) throw failure;
    this.#awaySince ??= clock();
    if (clock() - this.#awaySince > this.#limitMs) throw failure;
    const why = fullMessage(failure);
    if (!this.#said.has(why)) note(`waiting for the database: ${why}`);
    this.#said.add(why);
    // Jitter, so that many processes do not come back at the same moment.
    await sleep(Math.min(100 * 2 ** attempt, 5_000) * (0.5 + Math.random() / 2), until);
    if (until.aborted) throw failure;
  }
}
