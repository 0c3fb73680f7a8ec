import { fullMessage, OperationalError } from "../../errors.ts";
import type { System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";
import type { Outage } from "./waits.ts";
import type { PostgresErrors } from "../open_postgres.ts";

/** How long an outage of Kafka may last, and one of PostgreSQL unless the run has no end (--follow). */
export const OUTAGE_MAX_MS = 120_000;

/** What waiting for the database depends on. */
interface BackoffDeps {
  postgres: PostgresErrors;
  reporter: Pick<Reporter, "note">;
  system: Pick<System, "clock" | "sleep" | "random">;
}

/** Waits while the database is unavailable, and notes each reason once per outage. */
export class Backoff {
  readonly #deps: BackoffDeps;
  readonly #limitMs: number;
  /** Null while the database answers. */
  #outage: Outage | null = null;
  readonly #reported = new Set<string>();

  /** `limitMs`: how long an outage may last. */
  constructor(limitMs: number, deps: BackoffDeps) {
    this.#limitMs = limitMs;
    this.#deps = deps;
  }

  /** Since when the database has not answered, and why; null while it answers. */
  get outage(): Outage | null {
    return this.#outage;
  }

  /** The database has answered: an outage is over. */
  succeeded(): void {
    this.#outage = null;
    this.#reported.clear();
  }

  /** Retries work on the database until it succeeds, fails for a reason that waiting cannot fix, or `until` aborts. */
  async retry<T>(until: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1;; attempt++) {
      try {
        const result = await work();
        this.succeeded();
        return result;
      } catch (error) {
        if (error instanceof OperationalError) throw error;
        const { judge, explain } = this.#deps.postgres;
        if (judge(error).act !== "wait") throw explain(error);
        await this.wait(error, attempt, until);
      }
    }
  }

  /** Waits before the next attempt; throws the explained failure when the limit is reached or `until` aborts. */
  async wait(error: unknown, attempt: number, until: AbortSignal): Promise<void> {
    const { postgres, reporter, system } = this.#deps;
    const failure = postgres.explain(error);
    if (until.aborted) throw failure;
    const why = fullMessage(failure);
    this.#outage = { since: this.#outage?.since ?? system.clock(), why };
    if (system.clock() - this.#outage.since > this.#limitMs) throw failure;
    if (!this.#reported.has(why)) reporter.note(`waiting for PostgreSQL: ${why}`, "waiting");
    this.#reported.add(why);
    // Random, so that many processes do not reconnect at the same moment.
    const share = 0.5 + system.random() / 2 ** 33;
    await system.sleep(Math.min(100 * 2 ** attempt, 5_000) * share, until);
    if (until.aborted) throw failure;
  }
}
