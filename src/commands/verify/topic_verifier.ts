import type { Batch, BatchHandler } from "../../kafka/reader.ts";
import type { Audit, AuditedSource } from "../../postgres/audit.ts";
import { OperationalError } from "../../errors.ts";
import { contradiction, endOf, type Range } from "../../record/offsets.ts";
import { type Message, validate } from "../../record/validate.ts";
import { compare } from "./compare.ts";
import { type Account, add, closeAccount, openAccount } from "./report.ts";

interface VerifierDeps {
  topic: string;
  postgres: Pick<Audit, "held">;
  /** Called with the number of compared offsets, and the total. */
  onCompared(count: number, total: number): void;
  /** Aborted when everything is compared. */
  done: AbortController;
}

/** Handles the batches of the reader: compares each with the rows of the same offsets. */
export class TopicVerifier implements BatchHandler {
  readonly #deps: VerifierDeps;
  readonly #sources: Map<number, AuditedSource>;
  readonly #accounts = new Map<number, Account>();
  /** The next offset to compare, by partition. */
  readonly #positions = new Map<number, number>();
  readonly #isCompacted: boolean;

  constructor(
    deps: VerifierDeps,
    sources: AuditedSource[],
    { ranges, isCompacted }: { ranges: Map<number, Range>; isCompacted: boolean },
  ) {
    this.#deps = deps;
    this.#isCompacted = isCompacted;
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
    const left = [...this.#sources.keys()].filter((partition) => !partitions.includes(partition));
    if (left.length > 0) {
      // No other member of this group reads them: the run would wait for them forever.
      const text = `Kafka did not assign partition ${
        left.join(", ")
      } of topic "${this.#deps.topic}"`;
      throw new OperationalError("temporary", text, { hint: "run this again" });
    }
    return Promise.resolve(
      new Map(partitions.map((partition) => [partition, this.#positions.get(partition) ?? 0])),
    );
  }

  /** Compares a batch and returns the next offset; null: this partition is done. */
  async handleBatch({ partition, messages }: Batch): Promise<number | null> {
    const source = this.#sources.get(partition);
    if (!source) return null;
    const settled = messages.filter(({ offset }) => Number(offset) < source.nextOffset);
    const isRest = settled.length === 0;
    const next = isRest ? source.nextOffset : endOf(settled.at(-1)!);
    await this.#compare(source, settled.filter(({ offset }) => !isLost(source, offset)), next);
    // Stop here: the topic may have later records, and compaction may have removed the last consumed one.
    if (this.isOver) this.#deps.done.abort();
    return isRest ? null : next;
  }

  /** The reader found no more records before `next`. */
  advance(partition: number, next: number): void {
    const source = this.#sources.get(partition);
    if (source && next >= source.nextOffset) this.#positions.set(partition, source.nextOffset);
    if (this.isOver) this.#deps.done.abort();
  }

  /** Nothing: verify settles no records. */
  settled(): Promise<Map<number, number>> {
    return Promise.resolve(new Map());
  }

  /** The topic changed while it was read. */
  outOfRange(partition: number, position: number, range: Range): Promise<number> {
    throw contradiction(this.#deps.topic, partition, position, range);
  }

  /** The finished accounts, by partition. */
  close(): Account[] {
    return [...this.#accounts.values()].map((account) =>
      closeAccount(account, this.#sources.get(account.partition)!, this.#isCompacted)
    );
  }

  async #compare(source: AuditedSource, messages: Message[], to: number): Promise<void> {
    const from = this.#positions.get(source.partition)!;
    if (to <= from) return;
    const held = await this.#deps.postgres.held(source.id, from, to);
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
    this.#deps.onCompared(
      sum(({ partition, from }) => this.#positions.get(partition)! - from),
      sum(({ partition, from }) => this.#sources.get(partition)!.nextOffset - from),
    );
  }
}

/** Whether an operator declared the record lost: the topic may still have it. */
function isLost({ lost }: AuditedSource, offset: string): boolean {
  return lost.some(({ from, to }) => from <= Number(offset) && Number(offset) < to);
}
