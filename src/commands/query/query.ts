import type { QueryOptions } from "../../cli/commands/query.ts";
import { UsageError } from "../../errors.ts";
import { formats } from "../../formats/mod.ts";
import { formatCount, formatMany, formatMs } from "../../units.ts";
import { openView, type Terminal } from "./columns.ts";
import type { Extent } from "../../record/geo.ts";
import type { FoundRow } from "../../postgres/find.ts";
import type { Search } from "../../postgres/search.ts";

/** What runQuery() needs from its environment. */
export interface QueryDeps {
  /** Rows in batches. */
  find(search: Search): AsyncIterable<FoundRow[]>;
  /** The number of rows without the limit; counts up to `max` if given. */
  count(search: Search, max: number | null): Promise<number>;
  /** The extent of the fixes; null if there are none. */
  extent(search: Search): Promise<Extent | null>;
  /** The SQL statement that finds or counts the rows, with its values inserted. */
  written(search: Search, which: "rows" | "count"): string;
  out(text: string): Promise<void>;
  note(line: string): void;
  terminal: Terminal;
  /** An abort ends the output early. */
  signal: AbortSignal;
  /** Milliseconds: now() since 1970, clock() of a monotonic clock. */
  now(): number;
  clock(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const ROWS_FOR_PEOPLE = 100;
const COUNT_MAX = 1_000_000;

/** Prints the rows that match the filters, batch by batch; with `watchMs` repeatedly. */
export async function runQuery(options: QueryOptions, deps: QueryDeps): Promise<void> {
  check(options);
  try {
    await (options.watchMs === null
      ? runOnce(options, deps)
      : watch(options, options.watchMs, deps));
  } catch (error) {
    // After an abort, the cancelled statement fails: that is no error.
    if (!deps.signal.aborted) throw error;
  }
}

async function runOnce(options: QueryOptions, deps: QueryDeps): Promise<void> {
  const startedAt = deps.clock();
  let firstAt: number | null = null;
  const out = (text: string) => {
    firstAt ??= deps.clock();
    return deps.out(text);
  };
  const rows = await (options.what === "total" ? printTotal : printRows)(options, { ...deps, out });
  if (!options.timing) return;
  const [first, all] = [firstAt ?? deps.clock(), deps.clock()].map((at) =>
    formatMs(at - startedAt)
  );
  deps.note(
    `${formatMany(rows, "row")} in ${all}, first row after ${first}`,
  );
}

/** Each result replaces the previous one on a terminal that can redraw; elsewhere it is appended. */
async function watch(options: QueryOptions, everyMs: number, deps: QueryDeps): Promise<void> {
  const { signal, terminal } = deps;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const time = new Date(deps.now()).toISOString().slice(0, 19).replace("T", " ");
    const title = `every ${formatMs(everyMs)}: ${time} UTC`;
    if (terminal.canRedraw) {
      let screen = `${title}\n`;
      const gather = (text: string) => void (screen += text);
      await runOnce(options, {
        ...deps,
        out: (text) => Promise.resolve(gather(text)),
        note: (line) => gather(`${line}\n`),
      });
      if (signal.aborted) return;
      await deps.out(
        (isFirst ? "\x1b[2J" : "") + `\x1b[H${screen.replaceAll("\n", "\x1b[K\n")}\x1b[J`,
      );
    } else {
      deps.note(title);
      await runOnce(options, deps);
    }
    await deps.sleep(everyMs, signal);
  }
}

async function printTotal(options: QueryOptions, deps: QueryDeps): Promise<number> {
  const search: Search = { ...options, what: "points", order: "time", limit: null };
  if (options.showSql) deps.note(`${deps.written(search, "count")};`);
  const total = await deps.count(search, null);
  if (formats[options.format]!.forPeople) await deps.out(`${total}\n`);
  else {
    const { format } = openView(options, deps.terminal);
    await deps.out(format.head + format.rows([[total]]) + format.tail());
  }
  return 1;
}

async function printRows(options: QueryOptions, deps: QueryDeps): Promise<number> {
  const { forPeople, forTracks, needsExtent } = formats[options.format]!;
  const limit = options.limit ?? (options.all || !forPeople || forTracks ? null : ROWS_FOR_PEOPLE);
  const search = {
    ...options,
    what: options.what as Search["what"],
    order: orderOf(options),
    limit,
  };
  if (options.showSql) deps.note(`${deps.written(search, "rows")};`);
  // A separate statement: rows inserted between the two may lie outside the picture.
  const extent = needsExtent ? await deps.extent(search) : null;
  const { format, cells } = openView(options, deps.terminal, extent);
  // One extra row shows whether there are more.
  const wanted = forPeople && limit !== null ? limit + 1 : limit;
  let text = format.head;
  let count = 0;
  let notFinite = 0;
  for await (const found of deps.find({ ...search, limit: wanted })) {
    const batch = limit === null ? found : found.slice(0, limit - count);
    count += found.length;
    notFinite += batch.filter((row) => row.some(isNotFinite)).length;
    await deps.out(text + format.rows(batch.map(cells)));
    text = "";
    if (deps.signal.aborted) return count;
  }
  await deps.out(text + format.tail());
  if (notFinite > 0) {
    deps.note(`NaN or infinity in ${formatMany(notFinite, "row")} that another program wrote`);
  }
  if (!forPeople) return count;
  if (count === 0) deps.note("no rows");
  if (limit === null || count <= limit) return count;
  const total = await deps.count(search, COUNT_MAX + 1);
  const of = total > COUNT_MAX ? `more than ${formatCount(COUNT_MAX)}` : formatCount(total);
  deps.note(`${formatCount(limit)} of ${of} rows (--all for the rest)`);
  return limit;
}

function isNotFinite(cell: FoundRow[number]): boolean {
  return typeof cell === "number" && !Number.isFinite(cell);
}

/** Rejects combinations of flags that depend on the format. */
function check({ what, format, order, ...options }: QueryOptions): void {
  if (!formats[format]) throw new UsageError(`unknown format "${format}"`);
  const { forTracks } = formats[format];
  const isFixes = what === "points" || what === "last";
  if (forTracks && !isFixes) throw conflict(`--format ${format}`, `--${what}`);
  if (forTracks && options.columns) throw conflict("--columns", `--format ${format}`);
  if (forTracks && what === "points" && order !== null && order !== "user") {
    throw conflict(`--order ${order}`, `--format ${format}`, "--order user");
  }
  checkTracks({ what, format, ...options });
  if (options.watchMs !== null && !formats[format].forPeople) {
    throw conflict("--watch", `--format ${format}`, "--format table");
  }
  if (options.time !== "iso" && !formats[format].hasTime) {
    throw conflict(`--time ${options.time}`, `--format ${format}`);
  }
  if (what === "rejects") {
    const given = (["users", "bbox", "near"] as const).find((name) => options[name] !== null);
    const flag = given === "users" ? "user" : given;
    if (flag) throw conflict(`--${flag}`, "--rejects", "use --since and --until");
    if (order === "user") throw conflict("--order user", "--rejects");
  }
  if (order === "distance" && !isFixes) throw conflict("--order distance", `--${what}`);
}

function checkTracks({ what, format, gapMs, simplifyM }: Pick<
  QueryOptions,
  "what" | "format" | "gapMs" | "simplifyM"
>): void {
  const flag = gapMs !== null ? "--gap" : simplifyM !== null ? "--simplify" : null;
  if (flag === null) return;
  if (what === "last") throw conflict(flag, "--last");
  if (formats[format]!.forTracks) return;
  const known = Object.keys(formats).filter((name) => formats[name]!.forTracks);
  throw conflict(flag, `--format ${format}`, `--format ${known.join(", ")}`);
}

function conflict(flag: string, other: string, hint?: string): UsageError {
  return new UsageError(`${flag} cannot be combined with ${other}`, hint);
}

/** Tracks are ordered by user, oldest first; all other rows by time, newest first. */
function orderOf({ what, format, order }: QueryOptions): Search["order"] {
  const byUser = what === "summary" || (what === "points" && formats[format]!.forTracks);
  return order ?? (byUser ? "user" : "time");
}
