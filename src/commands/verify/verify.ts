import {
  type Account,
  add,
  countDiscrepancies,
  describeSuccess,
  openAccount,
  report,
} from "./report.ts";
import { compare } from "./compare.ts";
import { OperationalError } from "../../errors.ts";
import {
  checkTopicId,
  contradiction,
  endOf,
  fewerPartitions,
  type Range,
} from "../../record/offsets.ts";
import { type Message, validate } from "../../record/validate.ts";
import { formatMany } from "../../units.ts";
import type { Batch } from "../../kafka/reader.ts";
import type { AuditedSource, Held } from "../../postgres/audit.ts";

/** What runVerify() needs from its environment. */
export interface VerifyDeps {
  topic: string;
  topicId: string | null;
  ranges(): Promise<Map<number, Range>>;
  /** Whether the topic is compacted: it drops a record when a later one has the same key. */
  isCompacted(): Promise<boolean>;
  sources(): Promise<AuditedSource[]>;
  held(source: number, from: number, to: number): Promise<Held>;
  /** Reads the topic as the only member of a separate consumer group, until the signal aborts. */
  read(handler: TopicVerifier, signal: AbortSignal): Promise<void>;
  out(text: string): Promise<void>;
  note(line: string): void;
  /** Reports the number of compared offsets, and the total. */
  progress(done: number, total: number): void;
  signal: AbortSignal;
}

/**
 * Reads the topic again and compares each record with the database. `failure` is null if every record is accounted for
 * exactly once. Returns null if the run was interrupted.
 */
export async function runVerify(
  deps: VerifyDeps,
): Promise<{ accounts: Account[]; failure: OperationalError | null } | null> {
  const ranges = await deps.ranges();
  const sources = await deps.sources();
  if (sources.length === 0) {
    const text = `no records of topic "${deps.topic}" were consumed into this database`;
    throw new OperationalError("data", text, { hint: "routes consume" });
  }
  checkTopicId(deps.topic, deps.topicId, sources);
  const gone = sources.map(({ partition }) => partition).filter((p) => !ranges.has(p));
  if (gone.length > 0) throw fewerPartitions(deps.topic, gone, ranges.size);
  const done = new AbortController();
  const isCompacted = await deps.isCompacted();
  const verifier = new TopicVerifier(deps, sources, { ranges, isCompacted }, done);
  if (!verifier.isOver) await deps.read(verifier, AbortSignal.any([done.signal, deps.signal]));
  if (!verifier.isOver) {
    deps.note("interrupted before everything was compared");
    return null;
  }
  const accounts = verifier.close();
  await deps.out(report(accounts));
  const differences = accounts.reduce((sum, account) => sum + countDiscrepancies(account), 0);
  if (differences === 0) deps.note(describeSuccess(deps.topic, accounts, lagOf(sources, ranges)));
  const failure = differences === 0 ? null : new OperationalError(
    "data",
    `topic "${deps.topic}" and the database differ in ${formatMany(differences, "place")}`,
    {
      reason: "the first offsets of each kind are named above",
      hint: "read again from there on: routes consume --replay OFFSET",
    },
  );
  return { accounts, failure };
}

/** Handles the batches of the reader: compares each with the rows of the same offsets. */
export class TopicVerifier {
  readonly #deps: VerifyDeps;
  readonly #sources: Map<number, AuditedSource>;
  readonly #accounts = new Map<number, Account>();
  /** The next offset to compare, by partition. */
  readonly #positions = new Map<number, number>();
  readonly #isCompacted: boolean;
  readonly #done: AbortController;

  constructor(
    deps: VerifyDeps,
    sources: AuditedSource[],
    { ranges, isCompacted }: { ranges: Map<number, Range>; isCompacted: boolean },
    done: AbortController,
  ) {
    this.#deps = deps;
    this.#isCompacted = isCompacted;
    this.#done = done;
    this.#sources = new Map(sources.map((source) => [source.partition, source]));
    for (const source of sources) {
      const { partition, startOffset, nextOffset } = source;
      const range = ranges.get(partition)!;
      if (range.high < nextOffset) throw contradiction(deps.topic, partition, nextOffset, range);
      const from = Math.min(Math.max(startOffset, range.low), nextOffset);
      this.#positions.set(partition, from);
      this.#accounts.set(partition, openAccount(partition, from, nextOffset));
    }
  }

  /** Whether every partition is compared up to its position in the database at the start. */
  get isOver(): boolean {
    return [...this.#sources.values()].every(({ partition, nextOffset }) =>
      this.#positions.get(partition)! >= nextOffset
    );
  }

  /** The offset from which to read each partition. */
  assign(partitions: number[]): Promise<Map<number, number>> {
    return Promise.resolve(
      new Map(partitions.map((partition) => [partition, this.#positions.get(partition) ?? 0])),
    );
  }

  /** Compares a batch and returns the next offset; null: this partition is done. */
  async handleBatch(
    { partition, messages }: Pick<Batch, "partition" | "messages">,
  ): Promise<number | null> {
    const source = this.#sources.get(partition);
    if (!source) return null;
    const settled = messages.filter(({ offset }) => Number(offset) < source.nextOffset);
    const isRest = settled.length === 0;
    const next = isRest ? source.nextOffset : endOf(settled.at(-1)!);
    await this.#compare(source, settled, next);
    // Stop here: the topic may have later records, and compaction may have removed the last consumed one.
    if (this.isOver) this.#done.abort();
    return isRest ? null : next;
  }

  /** The reader found no more records before `next`. */
  advance(partition: number, next: number): void {
    const source = this.#sources.get(partition);
    if (source && next >= source.nextOffset) this.#positions.set(partition, source.nextOffset);
    if (this.isOver) this.#done.abort();
  }

  /** The topic changed while it was read. */
  outOfRange(partition: number, position: number, range: Range): Promise<number> {
    throw contradiction(this.#deps.topic, partition, position, range);
  }

  /** The finished accounts, by partition. */
  close(): Account[] {
    return [...this.#accounts.values()].map((account) => {
      const { lost, settled, ahead, ...source } = closing(this.#sources.get(account.partition)!);
      const compared = account.stored + account.rejected + account.different.count +
        account.extra.count;
      for (const offset of ahead) add(account.extra, offset);
      const whole = !this.#isCompacted && account.from === source.startOffset &&
        source.tombstonesTo <= source.nextOffset;
      return {
        ...account,
        lost,
        agedOut: account.from > source.startOffset
          ? Math.max(settled - compared, 0)
          : account.agedOut,
        miscounted: source.stored !== source.rowsHeld || source.rejected !== source.rejectsHeld ||
          (whole && source.tombstones !== account.tombstones),
      };
    });
  }

  async #compare(source: AuditedSource, messages: Message[], to: number): Promise<void> {
    const from = this.#positions.get(source.partition)!;
    if (to <= from) return;
    const held = await this.#deps.held(source.id, from, to);
    const account = this.#accounts.get(source.partition)!;
    const { stored, rejected, tombstones, discrepancies } = compare(
      messages,
      validate(messages),
      held,
    );
    account.stored += stored;
    account.rejected += rejected;
    account.tombstones += tombstones;
    for (const { kind, offset } of discrepancies) {
      if (kind !== "orphan") add(account[kind], offset);
      else if (this.#isCompacted) account.agedOut++;
      else add(account.extra, offset);
    }
    this.#positions.set(source.partition, to);
    const accounts = [...this.#accounts.values()];
    const sum = (of: (account: Account) => number) => accounts.reduce((n, a) => n + of(a), 0);
    this.#deps.progress(
      sum(({ partition, from }) => this.#positions.get(partition)! - from),
      sum(({ partition, from }) => this.#sources.get(partition)!.nextOffset - from),
    );
  }
}

function closing(source: AuditedSource) {
  const lost = source.lost.reduce((sum, { from, to }) => sum + to - from, 0);
  return { ...source, lost, settled: source.rowsHeld + source.rejectsHeld - source.ahead.length };
}

/** The number of records that are not consumed yet, in all partitions. */
function lagOf(sources: AuditedSource[], ranges: Map<number, Range>): number {
  const next = new Map(sources.map(({ partition, nextOffset }) => [partition, nextOffset]));
  return [...ranges].reduce(
    (sum, [partition, { low, high }]) => sum + high - Math.max(next.get(partition) ?? low, low),
    0,
  );
}
