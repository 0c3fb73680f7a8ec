import type { AuditedSource } from "../../postgres/audit.ts";
import { alignColumns } from "../../terminal/columns.ts";
import { formatCount, formatMany } from "../../units.ts";

/** The number of offsets, and the first of them. */
interface Offsets {
  count: number;
  first: number[];
}

const FIRST_MAX = 5;

/** The result for one partition, compared from one offset up to another. */
export type Account = ReturnType<typeof openAccount>;

/** An account without records. */
export function openAccount(partition: number, from: number, to: number) {
  const none = (): Offsets => ({ count: 0, first: [] });
  return {
    partition,
    from,
    to,
    stored: 0,
    rejected: 0,
    tombstones: 0,
    // For each kind of discrepancy the number and the first offsets.
    missing: none(),
    extra: none(),
    different: none(),
    /** Declared lost by an operator. */
    lost: 0,
    /** Rows and rejects whose records are no longer in the topic: they cannot be compared. */
    agedOut: 0,
    /** The counts in routes_sources do not match the tables. */
    miscounted: false,
  };
}

/** Completes an account with what the database knows of its source. */
export function closeAccount(
  account: Account,
  source: AuditedSource,
  isCompacted: boolean,
): Account {
  const { stored, rejected, rowsHeld, rejectsHeld, ahead, startOffset } = source;
  const lost = source.lost.reduce((sum, { from, to }) => sum + to - from, 0);
  const settled = rowsHeld + rejectsHeld - ahead.length;
  const compared = account.stored + account.rejected + account.different.count +
    account.extra.count;
  for (const offset of ahead) add(account.extra, offset);
  const hasAllTombstones = !isCompacted && account.from === startOffset &&
    source.tombstonesTo <= source.nextOffset;
  return {
    ...account,
    lost,
    agedOut: account.from > startOffset ? Math.max(settled - compared, 0) : account.agedOut,
    miscounted: stored !== rowsHeld || rejected !== rejectsHeld ||
      (hasAllTombstones && source.tombstones !== account.tombstones),
  };
}

/** Counts an offset. */
export function add(offsets: Offsets, offset: number): void {
  offsets.count++;
  if (offsets.first.length < FIRST_MAX) offsets.first.push(offset);
}

/** The number of differences between topic and database. */
export function countDiscrepancies({ missing, extra, different, miscounted }: Account): number {
  return missing.count + extra.count + different.count + Number(miscounted);
}

const FIGURES: [name: string, of: (account: Account) => number][] = [
  ["stored", ({ stored }) => stored],
  ["rejected", ({ rejected }) => rejected],
  ["tombstones", ({ tombstones }) => tombstones],
  ["missing", ({ missing }) => missing.count],
  ["extra", ({ extra }) => extra.count],
  ["different", ({ different }) => different.count],
  ["lost", ({ lost }) => lost],
];

/** A table of the accounts with their total, then the remarks on each partition. */
export function report(accounts: Account[]): string {
  const sum = (of: (account: Account) => number) => accounts.reduce((n, a) => n + of(a), 0);
  const rows = [
    ["partition", ...FIGURES.map(([name]) => name)],
    ...accounts.map((account) => [
      formatCount(account.partition),
      ...FIGURES.map(([, of]) => formatCount(of(account))),
    ]),
    ["total", ...FIGURES.map(([, of]) => formatCount(sum(of)))],
  ];
  return [...alignColumns(rows), ...accounts.flatMap(remarks)].join("\n") + "\n";
}

/** The line for a run without discrepancies; `lag` counts the records that are not consumed yet. */
export function describeSuccess(topic: string, accounts: Account[], lag: number): string {
  const count = accounts.reduce((sum, a) => sum + a.stored + a.rejected + a.tombstones, 0);
  const all = `${count === 1 ? "the" : "all"} ${formatMany(count, "record")}`;
  const lost = accounts.reduce((sum, a) => sum + a.lost, 0);
  return `${all} of topic "${topic}" ${count === 1 ? "is" : "are"} accounted for, each once` +
    (lost > 0 ? ` · ${formatMany(lost, "offset")} recorded as lost` : "") +
    (lag > 0 ? ` · lag ${formatCount(lag)}` : "");
}

function remarks(account: Account): string[] {
  const where = `partition ${account.partition}`;
  const kinds = ["missing", "extra", "different"] as const;
  const lines = kinds.filter((kind) => account[kind].count > 0).map((kind) => {
    const { count, first } = account[kind];
    return `${where}: ${kind} at offset ${first.join(", ")}${count > first.length ? ", …" : ""}`;
  });
  if (account.miscounted) {
    lines.push(`${where}: the counts in routes_sources do not match the tables`);
  }
  if (account.agedOut > 0) {
    const [count, are] = [
      formatMany(account.agedOut, "consumed record"),
      account.agedOut === 1 ? "is" : "are",
    ];
    lines.push(`${where}: ${count} ${are} no longer in the topic`);
  }
  return lines;
}
