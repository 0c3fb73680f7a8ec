import { createHash } from "node:crypto";

/** A record of the topic, as anybody can read it. */
export interface Logged {
  offset: number;
  value: Uint8Array | null;
}

/** How far a partition came, by its own account. */
export interface SourceRow {
  id: number;
  partition: number;
  start: number;
  next: number;
  stored: number;
  rejected: number;
  tombstones: number;
}

/** What is in a table for one offset; `hash` is that of its contents. */
export interface Kept {
  source: number;
  offset: number;
  hash: string;
  /** Grows with every row in the order they were written; for rows only. */
  arrival?: number;
  /** For rejects only. */
  code?: string;
}

/** One update of a position, in the order they came about. */
export interface Move {
  source: number;
  from: number;
  to: number;
}

/** Everything that is known after a run. */
export interface Observations {
  /** Values that the producer was told are in the topic, each different from all others. */
  acked: string[];
  log: Map<number, Logged[]>;
  sources: SourceRow[];
  rows: Kept[];
  rejects: Kept[];
  moves: Move[];
  /** Kafka's committed offsets, read before the tables; by partition. */
  committed: Map<number, number>;
  /** All that the program printed, and what must not be in it. */
  outputs: string[];
  secrets: string[];
  /** Sums over every summary, where every process lived to print one. */
  summary?: { read: number; stored: number; rejected: number; tombstones: number };
}

/** What a run may do beyond the usual. */
export interface Allowed {
  /** Positions may fall: somebody put the database back, or asked for a replay. */
  fall?: boolean;
  /** Not everything must be settled: the run was to stop. */
  unfinished?: boolean;
  /** Records that only the database refuses. */
  refused?: (row: Row) => boolean;
  /** Records were deleted from the topic: what is not there can be neither missed nor compared. */
  deleted?: boolean;
  /** Kafka may have taken records away whose key came again, wherever they lie. */
  compacted?: boolean;
}

/** A record as the table should have it. */
export interface Row {
  userID: number;
  timestamp: number;
  coordinates: [number, number];
}

/**
 * What is wrong with the evidence: a line for each fault, beginning with the invariant it breaks. It decides by itself what a
 * record should have become, so that nothing of the program vouches for the program.
 */
export function judge(observations: Observations, allowed: Allowed = {}): string[] {
  return [
    ...(allowed.deleted || allowed.compacted ? [] : judgeProducer(observations)),
    ...observations.sources.flatMap((source) => [...judgeSource(source, observations, allowed)]),
    ...judgeStrangers(observations),
    ...judgeSummary(observations),
    ...judgeSecrets(observations),
  ];
}

/** The program's table keeps numbers: this is how a row's contents are told apart. */
export function hashRow({ userID, timestamp, coordinates: [latitude, longitude] }: Row): string {
  return hash(`${userID} ${timestamp} ${latitude} ${longitude}`);
}

/** How contents are told apart. */
export function hash(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest().toString("base64", 0, 15);
}

/** A record that is a row, by rules of its own; null where it must become a reject. */
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

function* judgeProducer({ acked, log }: Observations): Generator<string> {
  const counts = new Map<string, number>();
  const decoder = new TextDecoder();
  for (const { value } of [...log.values()].flat()) {
    if (!value) continue;
    const text = decoder.decode(value);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const wrong = acked.filter((value) => counts.get(value) !== 1);
  if (wrong.length === 0) return;
  yield `I1 ${wrong.length} acknowledged records are not in the topic exactly once, such as ${
    wrong[0]
  } (${counts.get(wrong[0]!) ?? 0} times)`;
}

function* judgeSource(
  source: SourceRow,
  { log, rows, rejects, moves, committed }: Observations,
  { refused = () => false, fall, unfinished, deleted }: Allowed,
): Generator<string> {
  const { id, partition, start, next } = source;
  const where = `partition ${partition}`;
  const logged = log.get(partition) ?? [];
  const own = rows.filter((row) => row.source === id);
  const ownRejects = rejects.filter((reject) => reject.source === id);
  const kept = new Map<number, Kept[]>();
  for (const entry of [...own, ...ownRejects]) {
    kept.set(entry.offset, [...kept.get(entry.offset) ?? [], entry]);
  }
  const low = deleted ? logged[0]?.offset ?? Infinity : 0;
  const faults = new Faults(where);
  const due = { rows: 0, rejects: 0, tombstones: 0 };
  for (const { offset, value } of logged) {
    if (offset < start) continue;
    const entries = kept.get(offset) ?? [];
    kept.delete(offset);
    if (offset >= next) {
      if (!unfinished) faults.add("I7 never settled", offset);
      if (entries.length > 0) faults.add("I5 kept above the position", offset);
      continue;
    }
    const row = value && readRow(value);
    const becomes = !value ? "tombstones" : row && !refused(row) ? "rows" : "rejects";
    due[becomes]++;
    if (entries.length > 1) faults.add("I2 kept twice", offset);
    if (becomes === "tombstones") {
      if (entries.length > 0) faults.add("I1 a tombstone, yet kept", offset);
      continue;
    }
    const [entry] = entries;
    if (!entry) faults.add("I1 lost", offset);
    else if ((entry.code === undefined) !== (becomes === "rows")) {
      faults.add(`I1 should be one of the ${becomes}`, offset);
    } else if (entry.hash !== (becomes === "rows" ? hashRow(row!) : hash(value!))) {
      faults.add("I6 changed", offset);
    }
  }
  for (const offset of kept.keys()) {
    if (offset >= low) faults.add("I1 kept, but not in the topic", offset);
  }
  yield* faults.lines();
  const counts = [source.stored, source.rejected, source.tombstones].join();
  if (!deleted && counts !== [due.rows, due.rejects, due.tombstones].join()) {
    yield `I8 ${where} counts ${counts}, the topic has ${Object.values(due).join()}`;
  }
  const sorted = own.toSorted((a, b) => a.arrival! - b.arrival!);
  const back = sorted.findIndex((row, i) => i > 0 && row.offset < sorted[i - 1]!.offset);
  if (back > 0 && !fall) yield `I4 ${where}: offset ${sorted[back]!.offset} came late`;
  yield* judgeMoves(where, source, moves.filter((move) => move.source === id), fall ?? false);
  const told = committed.get(partition) ?? 0;
  if (told > next) yield `I9 ${where}: Kafka was told ${told}, the table stands at ${next}`;
}

function* judgeMoves(where: string, source: SourceRow, moves: Move[], fall: boolean) {
  if (fall) return;
  let at = source.start;
  for (const { from, to } of moves) {
    if (from !== at || to <= from) {
      yield `I3 ${where}: moved from ${from} to ${to} while it stood at ${at}`;
    }
    at = to;
  }
  if (at !== source.next) {
    yield `I3 ${where}: its moves end at ${at}, it stands at ${source.next}`;
  }
}

function* judgeStrangers({ rows, rejects, sources, log }: Observations): Generator<string> {
  const known = new Set(sources.map(({ id }) => id));
  const strangers = [...rows, ...rejects].filter(({ source }) => !known.has(source));
  if (strangers.length > 0) yield `I1 ${strangers.length} rows or rejects belong to no partition`;
  const read = new Set(sources.map(({ partition }) => partition));
  for (const [partition, records] of log) {
    if (records.length > 0 && !read.has(partition)) {
      yield `I1 partition ${partition} was never read`;
    }
  }
}

function* judgeSummary({ summary, sources }: Observations): Generator<string> {
  if (!summary) return;
  const sum = (of: (source: SourceRow) => number) =>
    sources.reduce((total, source) => total + of(source), 0);
  const table = {
    read: sum((s) => s.stored + s.rejected + s.tombstones),
    stored: sum((s) => s.stored),
    rejected: sum((s) => s.rejected),
    tombstones: sum((s) => s.tombstones),
  };
  const [said, is] = [JSON.stringify(summary), JSON.stringify(table)];
  if (said !== is) yield `I8 the summaries say ${said}, the table ${is}`;
}

function* judgeSecrets({ outputs, secrets }: Observations): Generator<string> {
  for (const secret of secrets) {
    if (outputs.some((output) => output.includes(secret))) yield "I10 a secret was printed";
  }
}

/** Faults of one kind become one line. */
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
