import type { Health } from "./health.ts";
import type { Step } from "../../postgres/store.ts";
import type { Progress } from "./progress.ts";
import type { RunCounts, RunSummary } from "./summary.ts";

/** Counts what a run has done and times how long it has been idle; in milliseconds of the given clock, which never jumps. */
export class RunStats {
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #counts: RunCounts = { read: 0, stored: 0, rejected: 0, tombstones: 0, reasons: {} };
  #settledAt: number;
  /** Since when a record could have arrived but none did. */
  #quietSince: number;
  /** Since when records have been waiting and none was settled, for any reason. */
  #waitingSince: number;
  /** Whether a record was settled, or none was left to settle. */
  #isProven = false;
  /** The same, but only while the database answers: rejoining the group may help. */
  #stuckSince: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
    this.#settledAt =
      this.#quietSince =
      this.#waitingSince =
      this.#stuckSince =
        now();
  }

  get read(): number {
    return this.#counts.read;
  }

  get rejected(): number {
    return this.#counts.rejected;
  }

  get quietMs(): number {
    return this.#now() - this.#quietSince;
  }

  /** For how long records have been waiting and none was settled. */
  get waitingMs(): number {
    return this.#now() - this.#waitingSince;
  }

  get stuckMs(): number {
    return this.#now() - this.#stuckSince;
  }

  /** Called when a membership of the group begins. */
  joined(): void {
    this.#stuckSince = this.#quietSince = this.#now();
  }

  /** Called when a step is in the database. */
  settled({ validated: { points, rejects }, messages }: Step): void {
    const [now, counts] = [this.#now(), this.#counts];
    this.#settledAt =
      this.#quietSince =
      this.#waitingSince =
      this.#stuckSince =
        now;
    this.#isProven = true;
    counts.read += messages.length;
    counts.stored += points.offsets.length;
    counts.rejected += rejects.length;
    // Also those that were counted in the database before a replay: this run read them again.
    counts.tombstones += messages.length - points.offsets.length - rejects.length;
    for (const { code } of rejects) counts.reasons[code] = (counts.reasons[code] ?? 0) + 1;
  }

  /** Restarts the timers whose condition does not hold; called periodically. */
  update(
    { lag, assignedLag, isAssigned }: Pick<Progress, "lag" | "assignedLag" | "isAssigned">,
    isDatabaseUnavailable: boolean,
  ): void {
    if (isDatabaseUnavailable || !isAssigned) this.#quietSince = this.#now();
    if (lag === 0) this.#waitingSince = this.#now();
    if (lag === 0) this.#isProven = true;
    if (isDatabaseUnavailable || assignedLag === 0) this.#stuckSince = this.#now();
  }

  health(): RunCounts & Pick<Health, "settledMs" | "waitingMs" | "isProven"> {
    return {
      ...structuredClone(this.#counts),
      settledMs: this.#now() - this.#settledAt,
      waitingMs: this.waitingMs,
      isProven: this.#isProven,
    };
  }

  summary(lag: number | null): RunSummary {
    return {
      ...structuredClone(this.#counts),
      lag,
      seconds: (this.#now() - this.#startedAt) / 1000,
    };
  }
}
