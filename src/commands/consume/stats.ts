import type { Health } from "./metrics.ts";
import type { Step } from "./settle.ts";
import type { RunSummary } from "./summary.ts";

/** What a consumer sees of its partitions at this moment. */
export interface Sight {
  /** Records not yet settled. */
  lag: number;
  /** Whether records can come and be settled: the group has given partitions, the database answers. */
  isAssigned: boolean;
  isAway: boolean;
}

/** What a run has done, and since when it does nothing; all times are milliseconds of the clock it is given, which never jumps. */
export class RunStats {
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #tally = { read: 0, stored: 0, rejected: 0, tombstones: 0 };
  readonly #reasons: Record<string, number> = {};
  #settledAt: number;
  /** Since when a record could have come and none did. */
  #quietSince: number;
  /** Since when records wait and none was settled, whatever the reason. */
  #waitingSince: number;
  /** The same, but for reasons that a new membership may mend: the database answers. */
  #stuckSince: number;

  constructor(now: () => number) {
    this.#now = now;
    this.#startedAt = now();
    this.#settledAt =
      this.#quietSince =
      this.#waitingSince =
      this.#stuckSince =
        this.#startedAt;
  }

  get read(): number {
    return this.#tally.read;
  }

  get rejected(): number {
    return this.#tally.rejected;
  }

  get quietMs(): number {
    return this.#now() - this.#quietSince;
  }

  get stuckMs(): number {
    return this.#now() - this.#stuckSince;
  }

  /** A membership of the group begins. */
  joined(): void {
    this.#stuckSince = this.#quietSince = this.#now();
  }

  /** A step is in the database. */
  settled({ validated: { points, rejects, tombstones }, messages }: Step): void {
    this.#settledAt =
      this.#quietSince =
      this.#waitingSince =
      this.#stuckSince =
        this.#now();
    this.#tally.read += messages.length;
    this.#tally.stored += points.offsets.length;
    this.#tally.rejected += rejects.length;
    this.#tally.tombstones += tombstones;
    for (const { code } of rejects) this.#reasons[code] = (this.#reasons[code] ?? 0) + 1;
  }

  /** Puts the clocks back that have no reason to run; called again and again. */
  look({ lag, isAssigned, isAway }: Sight): void {
    if (isAway || !isAssigned) this.#quietSince = this.#now();
    if (lag === 0) this.#waitingSince = this.#now();
    if (isAway || lag === 0) this.#stuckSince = this.#now();
  }

  health(lags: Map<number, number>): Health {
    return {
      ...this.#tally,
      reasons: { ...this.#reasons },
      lags,
      settledMs: this.#now() - this.#settledAt,
      stuckMs: this.#now() - this.#waitingSince,
    };
  }

  tally(lag: number): RunSummary {
    return {
      ...this.#tally,
      reasons: { ...this.#reasons },
      lag,
      seconds: (this.#now() - this.#startedAt) / 1000,
    };
  }
}
