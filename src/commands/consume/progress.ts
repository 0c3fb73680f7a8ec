import type { Range } from "../../record/offsets.ts";
import type { System } from "../../system.ts";
import type { KnownSources } from "./known_sources.ts";
import type { KnownLag } from "./summary.ts";

/** After this time without an answer the lag is unknown; it is asked for several times as often. */
export const LAG_MAX_AGE_MS = 15_000;

/** A partition with records that are not settled. */
export interface Unsettled {
  position: number;
  lag: number;
}

/** How far the topic is settled, by this and other processes; ends the run when everything requested is settled. */
export class Progress {
  /** Of the assigned partitions, transaction markers passed; null before the first assignment. */
  #assigned: Map<number, number> | null = null;
  /** Of all partitions in the database, as last read. */
  #stored = new Map<number, number>();
  /** Of all partitions of the topic; null before the brokers told them. */
  #ranges: Map<number, Range> | null = null;
  /** When brokers and database last answered: by the system clock, and by the clock that never jumps. */
  #knownAt: { ms: number; clock: number } | null = null;
  #ends: Map<number, number> | null = null;
  /** How many more records may be settled. */
  #budget: number;
  /** How many records are being settled. */
  #inFlight = 0;
  readonly #done: AbortController;
  readonly #system: Pick<System, "now" | "clock">;

  /** `count`: the maximum number of records over all partitions; `done` is aborted when everything is settled. */
  constructor(count: number, done: AbortController, system: Pick<System, "now" | "clock">) {
    this.#budget = count;
    this.#done = done;
    this.#system = system;
  }

  /** Whether the group has assigned partitions to this process, even if none. */
  get isAssigned(): boolean {
    return this.#assigned !== null;
  }

  /** Whether records are on their way to the database. */
  get isSettling(): boolean {
    return this.#inFlight > 0;
  }

  /** How many partitions this process owns. */
  get assignedPartitions(): number {
    return this.#assigned?.size ?? 0;
  }

  /** How many partitions the topic has; null: not known yet. */
  get topicPartitions(): number | null {
    return this.#ranges?.size ?? null;
  }

  /** How many more records may be settled. */
  get budget(): number {
    return this.#budget;
  }

  /** Records not yet settled in the whole topic, whichever process owns the partitions; null: unknown. */
  get lag(): number | null {
    return this.#isLagKnown ? this.#lastLag : null;
  }

  /** The same by partition. */
  get lags(): Map<number, number | null> {
    const isKnown = this.#isLagKnown;
    return new Map([...this.#ranges ?? []].map(([partition, range]) => {
      return [partition, isKnown ? this.#lagOf(partition, range) : null];
    }));
  }

  /** The lag when it was last known, and how long ago that was; null: it was never known. */
  get knownLag(): KnownLag | null {
    if (!this.#knownAt) return null;
    return { lag: this.#lastLag, ageMs: this.#system.clock() - this.#knownAt.clock };
  }

  /** When the lag was last known, in milliseconds since 1970; null: never. */
  get lagKnownAt(): number | null {
    return this.#knownAt?.ms ?? null;
  }

  /** Records not yet settled in the assigned partitions, as far as this process knows. */
  get assignedLag(): number {
    return [...this.#assigned ?? []].reduce((sum, [partition]) => {
      const range = this.#ranges?.get(partition);
      return sum + (range ? this.#lagOf(partition, range) : 0);
    }, 0);
  }

  /** The partitions of other processes that are not settled up to the end of the run, or of the topic. */
  get elsewhere(): Map<number, Unsettled> {
    return this.#unsettled((partition) => !this.#assigned?.has(partition));
  }

  /** Whether the partitions of this process are settled up to the end of the run, or of the topic. */
  get isOwnSettled(): boolean {
    return this.#unsettled((partition) => this.#assigned?.has(partition) ?? false).size === 0;
  }

  /** Brokers and database have told how long the topic is and how far all processes have settled it. */
  update(ranges: Map<number, Range>, stored: Map<number, number>): void {
    this.#ranges = ranges;
    this.#stored = new Map(stored);
    this.#knownAt = { ms: this.#system.now(), clock: this.#system.clock() };
    this.#checkDone();
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
    this.#assigned = positions;
    this.#checkDone();
  }

  /** This process owns no partitions any more. */
  release(): void {
    for (const partition of this.#assigned?.keys() ?? []) {
      this.#stored.set(partition, this.#positionOf(partition));
    }
    this.#assigned = null;
  }

  /** Nothing readable lies before `next`. */
  advance(partition: number, next: number): void {
    if (this.#assigned?.has(partition)) this.#assigned.set(partition, next);
    this.#checkDone();
  }

  /** How far the assigned partitions are settled, transaction markers passed. */
  get assigned(): Map<number, number> {
    return new Map(this.#assigned);
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

  get #lastLag(): number {
    return [...this.#ranges ?? []].reduce((sum, [partition, range]) => {
      return sum + this.#lagOf(partition, range);
    }, 0);
  }

  get #isLagKnown(): boolean {
    return this.#knownAt !== null && this.#system.clock() - this.#knownAt.clock <= LAG_MAX_AGE_MS;
  }

  /** How far a partition is settled: its own steps are known to this process before it reads the database again. */
  #positionOf(partition: number): number {
    return Math.max(this.#assigned?.get(partition) ?? 0, this.#stored.get(partition) ?? 0);
  }

  #lagOf(partition: number, { low, high }: Range): number {
    return Math.max(high - Math.max(this.#positionOf(partition), low), 0);
  }

  #unsettled(isWanted: (partition: number) => boolean): Map<number, Unsettled> {
    return new Map([...this.#ranges ?? []].flatMap(([partition, { low, high }]) => {
      const position = Math.max(this.#positionOf(partition), low);
      const lag = Math.min(this.endOf(partition), high) - position;
      return lag > 0 && isWanted(partition) ? [[partition, { position, lag }]] : [];
    }));
  }

  #checkDone(): void {
    // Only an assignment shows that this process may read, and that what it holds does not contradict the topic.
    const ended = this.#ends !== null && this.#assigned !== null &&
      [...this.#ends].every(([partition, end]) => this.#positionOf(partition) >= end);
    if (ended || (this.#budget <= 0 && this.#inFlight === 0)) this.#done.abort();
  }
}
