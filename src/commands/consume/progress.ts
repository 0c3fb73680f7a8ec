import type { Range } from "../../record/offsets.ts";
import type { KnownSources } from "./known_sources.ts";

/** How far the assigned partitions are read; ends the run when everything requested is settled. */
export class Progress {
  /** Of the assigned partitions, transaction markers passed; null before the first assignment. */
  #positions: Map<number, number> | null = null;
  readonly #highs = new Map<number, number>();
  #ends: Map<number, number> | null = null;
  /** How many more records may be settled. */
  #budget: number;
  /** How many records are being settled. */
  #inFlight = 0;
  readonly #done: AbortController;

  /** `count`: the maximum number of records over all partitions; `done` is aborted when everything is settled. */
  constructor(count: number, done: AbortController) {
    this.#budget = count;
    this.#done = done;
  }

  /** Whether the group has assigned partitions to this process, even if none. */
  get isAssigned(): boolean {
    return this.#positions !== null;
  }

  /** How many more records may be settled. */
  get budget(): number {
    return this.#budget;
  }

  /** Records not yet settled in the assigned partitions. */
  get lag(): number {
    return [...this.lags.values()].reduce((sum, lag) => sum + lag, 0);
  }

  /** The same by partition. */
  get lags(): Map<number, number> {
    return new Map([...this.#positions ?? []].map(([partition, position]) => {
      return [partition, Math.max((this.#highs.get(partition) ?? 0) - position, 0)];
    }));
  }

  /** Sets the offsets at which the run ends. */
  endAt(ends: Map<number, number>): void {
    this.#ends = ends;
    this.#checkDone();
  }

  /** The offset at which the run ends; Infinity when there is none. */
  endOf(partition: number): number {
    return this.#ends?.get(partition) ?? Infinity;
  }

  /** Whether the database holds everything below the ends, and its positions lie within the log. */
  nothingToRead(sources: KnownSources, ranges: Map<number, Range>): boolean {
    return this.#ends !== null && [...this.#ends].every(([partition, end]) => {
      const next = sources.get(partition)?.nextOffset ?? -1;
      return next >= end && next <= (ranges.get(partition)?.high ?? -1);
    });
  }

  /** Replaces the assigned partitions. */
  assign(positions: Map<number, number>): void {
    this.#positions = positions;
    this.#checkDone();
  }

  /** Notes the end of the log of a partition. */
  setHigh(partition: number, high: number): void {
    this.#highs.set(partition, high);
  }

  /** Nothing readable lies before `next`. */
  advance(partition: number, next: number): void {
    if (this.#positions?.has(partition)) this.#positions.set(partition, next);
    this.#checkDone();
  }

  /** Takes records out of the budget while they are being settled. */
  begin(count: number): void {
    this.#budget -= count;
    this.#inFlight += count;
  }

  /** Ends what begin() began; records that this process did not settle return to the budget. */
  finish(count: number, isSettled: boolean): void {
    this.#inFlight -= count;
    if (!isSettled) this.#budget += count;
  }

  #checkDone(): void {
    const [ends, positions] = [this.#ends, this.#positions];
    const ended = ends !== null && positions !== null &&
      [...positions].every(([partition, position]) => position >= (ends.get(partition) ?? 0));
    if (ended || (this.#budget <= 0 && this.#inFlight === 0)) this.#done.abort();
  }
}
