import { createHash } from "node:crypto";

/** A record as it is in the topic. */
export interface TopicRecord {
  offset: number;
  value: Uint8Array | null;
}

/** A row of `routes_sources`. */
export interface SourceRow {
  id: number;
  partition: number;
  start: number;
  next: number;
  stored: number;
  rejected: number;
  tombstones: number;
}

/** A row or a reject in the database; `hash` is that of its contents. */
export interface StoredEntry {
  source: number;
  offset: number;
  hash: string;
  /** Grows in the order in which rows were written; for rows only. */
  arrival?: number;
  /** For rejects only. */
  code?: string;
}

/** One update of a position. */
export interface Move {
  source: number;
  from: number;
  to: number;
}

/** Everything that is known about a run after its end. */
export interface Observations {
  /** Values that the broker acknowledged to the producer; no two are equal. */
  acked: string[];
  log: Map<number, TopicRecord[]>;
  sources: SourceRow[];
  rows: StoredEntry[];
  rejects: StoredEntry[];
  /** In the order in which they happened. */
  moves: Move[];
  /** Kafka's committed offsets, read before the tables; by partition. */
  committed: Map<number, number>;
  /** Everything that the program printed, and what must not be in it. */
  outputs: string[];
  secrets: string[];
  /** The sums of all summaries, if every process printed one. */
  summary?: { read: number; stored: number; rejected: number; tombstones: number };
}

/** Exceptions from the invariants, for certain faults. */
export interface Allowed {
  /** Positions may decrease: the database was restored, or a replay was requested. */
  fall?: boolean;
  /** Not everything must be settled: the run had to stop. */
  unfinished?: boolean;
  /** Valid records that the database refuses. */
  refused?: (row: Row) => boolean;
  /** Records whose batch arrives damaged. */
  damaged?: (value: Uint8Array) => boolean;
  /** Records were deleted from the topic, so they cannot be compared. */
  deleted?: boolean;
  /** Kafka may have removed records whose key was sent again. */
  compacted?: boolean;
}

/** A valid record. */
export interface Row {
  userID: number;
  timestamp: number;
  coordinates: [number, number];
}

/**
 * Compares topic and database: returns a line for each fault, which begins with the broken invariant. It validates records with
 * code of its own, so that a bug in the program cannot hide itself.
 */
export function findFaults(observations: Observations, allowed: Allowed = {}): string[] {
  return [
    ...(allowed.deleted || allowed.compacted ? [] : checkProducer(observations)),
    ...observations.sources.flatMap((source) => [...checkSource(source, observations, allowed)]),
    ...checkOrphans(observations),
    ...checkSummary(observations),
    ...checkSecrets(observations),
  ];
}

/** A hash of the contents of a row. */
export function hashRow({ userID, timestamp, coordinates: [latitude, longitude] }: Row): string {
  return hash(`${userID} ${timestamp} ${latitude} ${longitude}`);
}

/** A short hash of any contents. */
export function hash(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest().toString("base64", 0, 15);
}

/** Parses a valid record, by rules of its own; null if it must become a reject. */
export function readRow(value: Uint8Array): Row | null {
  try {
    const record = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(value));
    const { userID, timestamp, coordinates } = record;
    const number = (x: unknown, low: number, high: number) =>
      typeof x === "number" && x >= low && x <= high;
    const good = Number.isInteger(userID) && number(userID, -(2 ** 31), 2 ** 31 - 1) &&
      number(timestamp, 0, 253_402_300_799.999) && Array.isArray(coordinates) &&
      coordinates.length === 2 && number(coordinates[0], -90, 90) &&
      number(coordinates[1], -180, 180);
    return good ? record : null;
  } catch {
    return null;
  }
}

/** Only the beginning is known of a value that is too large. */
function shorten(value: string): string {
  return value.slice(0, 60_000);
}

function* checkProducer({ acked, log }: Observations): Generator<string> {
  const counts = new Map<string, number>();
  const decoder = new TextDecoder();
  for (const { value } of [...log.values()].flat()) {
    if (!value) continue;
    const text = shorten(decoder.decode(value));
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const wrong = acked.filter((value) => counts.get(shorten(value)) !== 1);
  if (wrong.length === 0) return;
  yield `I1 ${wrong.length} acknowledged records are not in the topic exactly once, such as ${
    wrong[0]
  } (${counts.get(wrong[0]!) ?? 0} times)`;
}

function* checkSource(
  source: SourceRow,
  { log, rows, rejects, moves, committed }: Observations,
  { refused = () => false, damaged = () => false, fall, unfinished, deleted }: Allowed,
): Generator<string> {
  const { id, partition, start, next } = source;
  const where = `partition ${partition}`;
  const logged = log.get(partition) ?? [];
  const own = rows.filter((row) => row.source === id);
  const ownRejects = rejects.filter((reject) => reject.source === id);
  const stored = new Map<number, StoredEntry[]>();
  for (const entry of [...own, ...ownRejects]) {
    stored.set(entry.offset, [...stored.get(entry.offset) ?? [], entry]);
  }
  const low = deleted ? logged[0]?.offset ?? Infinity : 0;
  const faults = new Faults(where);
  const expected = { rows: 0, rejects: 0, tombstones: 0 };
  for (const { offset, value } of logged) {
    if (offset < start) continue;
    const entries = stored.get(offset) ?? [];
    stored.delete(offset);
    if (offset >= next) {
      if (!unfinished) faults.add("I7 never settled", offset);
      if (entries.length > 0) faults.add("I5 stored above the position", offset);
      continue;
    }
    const row = value && readRow(value);
    const isDamaged = value !== null && damaged(value);
    const isRow = row && !refused(row) && !isDamaged;
    const becomes = !value ? "tombstones" : isRow ? "rows" : "rejects";
    expected[becomes]++;
    if (entries.length > 1) faults.add("I2 stored twice", offset);
    if (becomes === "tombstones") {
      if (entries.length > 0) faults.add("I1 stored although tombstones", offset);
      continue;
    }
    const [entry] = entries;
    if (!entry) faults.add("I1 lost", offset);
    else if ((entry.code === undefined) !== (becomes === "rows")) {
      faults.add(`I1 ${entry.code ?? "a row"} should be one of the ${becomes}`, offset);
    } else if (isDamaged) {
      if (entry.code !== "unreadable") faults.add(`I6 ${entry.code} should be unreadable`, offset);
    } else if (entry.hash !== (becomes === "rows" ? hashRow(row!) : hash(value!))) {
      faults.add("I6 changed", offset);
    }
  }
  for (const offset of stored.keys()) {
    if (offset >= low) faults.add("I1 stored, but not in the topic", offset);
  }
  yield* faults.lines();
  const counts = [source.stored, source.rejected, source.tombstones].join();
  if (!deleted && counts !== [expected.rows, expected.rejects, expected.tombstones].join()) {
    yield `I8 ${where} counts ${counts}, the topic has ${Object.values(expected).join()}`;
  }
  const sorted = own.toSorted((a, b) => a.arrival! - b.arrival!);
  const back = sorted.findIndex((row, i) => i > 0 && row.offset < sorted[i - 1]!.offset);
  if (back > 0 && !fall) {
    yield `I4 ${where}: offset ${sorted[back]!.offset} was written after a later one`;
  }
  yield* checkMoves(where, source, moves.filter((move) => move.source === id), fall ?? false);
  const offset = committed.get(partition) ?? 0;
  if (offset > next) yield `I9 ${where}: committed offset ${offset}, position ${next}`;
}

function* checkMoves(where: string, source: SourceRow, moves: Move[], fall: boolean) {
  if (fall) return;
  let at = source.start;
  for (const { from, to } of moves) {
    if (from !== at || to <= from) {
      yield `I3 ${where}: moved from ${from} to ${to}, but the position was ${at}`;
    }
    at = to;
  }
  if (at !== source.next) {
    yield `I3 ${where}: its moves end at ${at}, its position is ${source.next}`;
  }
}

function* checkOrphans({ rows, rejects, sources, log }: Observations): Generator<string> {
  const known = new Set(sources.map(({ id }) => id));
  const orphans = [...rows, ...rejects].filter(({ source }) => !known.has(source));
  if (orphans.length > 0) yield `I1 ${orphans.length} rows or rejects belong to no partition`;
  const read = new Set(sources.map(({ partition }) => partition));
  for (const [partition, records] of log) {
    if (records.length > 0 && !read.has(partition)) {
      yield `I1 partition ${partition} was never read`;
    }
  }
}

function* checkSummary({ summary, sources }: Observations): Generator<string> {
  if (!summary) return;
  const sum = (of: (source: SourceRow) => number) =>
    sources.reduce((total, source) => total + of(source), 0);
  const table = {
    read: sum((s) => s.stored + s.rejected + s.tombstones),
    stored: sum((s) => s.stored),
    rejected: sum((s) => s.rejected),
    tombstones: sum((s) => s.tombstones),
  };
  const [printed, actual] = [JSON.stringify(summary), JSON.stringify(table)];
  if (printed !== actual) yield `I8 the summaries have ${printed}, the table has ${actual}`;
}

function* checkSecrets({ outputs, secrets }: Observations): Generator<string> {
  for (const secret of secrets) {
    if (outputs.some((output) => output.includes(secret))) yield "I10 a secret was printed";
  }
}

/** Collects faults by kind, for one line each. */
class Faults {
  readonly #kinds = new Map<string, number[]>();

  constructor(readonly where: string) {}

  add(kind: string, offset: number): void {
    if (!this.#kinds.get(kind)?.push(offset)) this.#kinds.set(kind, [offset]);
  }

  *lines(): Generator<string> {
    for (const [kind, offsets] of this.#kinds) {
      const [invariant, ...what] = kind.split(" ");
      yield `${invariant} ${this.where}: ${offsets.length} ${what.join(" ")}, first ${offsets[0]}`;
    }
  }
}
