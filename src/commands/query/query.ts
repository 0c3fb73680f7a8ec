import type { QueryOptions } from "../../cli/options.ts";
import { UsageError } from "../../errors.ts";
import { formats } from "../../formats/mod.ts";
import { formatCount, formatMany, formatMs } from "../../units.ts";
import { openView, type Terminal } from "./columns.ts";
import type { Extent } from "../../record/geo.ts";
import type { FoundRow } from "../../postgres/find.ts";

/** What is looked for in the tables. */
type Search = Pick<QueryOptions, "users" | "since" | "until" | "bbox" | "near" | "reverse"> & {
  what: Exclude<QueryOptions["what"], "total">;
  order: "time" | "user" | "distance";
  limit: number | null;
};

/** What querying needs of the world. */
export interface QueryDeps {
  /** Rows in batches, their cells as `FoundRow` says. */
  find(search: Search): AsyncIterable<FoundRow[]>;
  /** How many rows there are whatever the limit; counts no further than `max` when it is given. */
  count(search: Search, max: number | null): Promise<number>;
  /** What the fixes reach over; null where there are none. */
  extent(search: Search): Promise<Extent | null>;
  /** The statement that finds, or that counts, with its values in place. */
  written(search: Search, which: "rows" | "count"): string;
  out(text: string): Promise<void>;
  note(line: string): void;
  terminal: Terminal;
  /** Ends the output early. */
  signal: AbortSignal;
  /** Milliseconds since 1970, and on a clock that never jumps. */
  now(): number;
  clock(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const ROWS_FOR_PEOPLE = 100;
const COUNT_MAX = 1_000_000;

/** Prints the rows that pass the filters, batch by batch; with `watchMs` again and again. */
export async function runQuery(options: QueryOptions, deps: QueryDeps): Promise<void> {
  check(options);
  try {
    await (options.watchMs === null ? look(options, deps) : watch(options, options.watchMs, deps));
  } catch (error) {
    // What was cancelled fails.
    if (!deps.signal.aborted) throw error;
  }
}

async function look(options: QueryOptions, deps: QueryDeps): Promise<void> {
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
    `${formatMany(rows, "row")} in ${all}, the first after ${first}`,
  );
}

/** On a terminal that can, each look replaces the one before; elsewhere it follows. */
async function watch(options: QueryOptions, everyMs: number, deps: QueryDeps): Promise<void> {
  const { signal, terminal } = deps;
  for (let isFirst = true; !signal.aborted; isFirst = false) {
    const time = new Date(deps.now()).toISOString().slice(0, 19).replace("T", " ");
    const title = `every ${formatMs(everyMs)}: ${time} UTC`;
    if (terminal.canRedraw) {
      let screen = `${title}\n`;
      const gather = (text: string) => void (screen += text);
      await look(options, {
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
      await look(options, deps);
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
  // In a statement of its own: what comes between the two may lie outside of the picture.
  const extent = needsExtent ? await deps.extent(search) : null;
  const { format, cells } = openView(options, deps.terminal, extent);
  // One row more tells whether there are more.
  const wanted = forPeople && limit !== null ? limit + 1 : limit;
  let text = format.head;
  let count = 0;
  for await (const found of deps.find({ ...search, limit: wanted })) {
    const batch = limit === null ? found : found.slice(0, limit - count);
    count += found.length;
    await deps.out(text + format.rows(batch.map(cells)));
    text = "";
    if (deps.signal.aborted) return count;
  }
  await deps.out(text + format.tail());
  if (!forPeople) return count;
  if (count === 0) deps.note("no rows");
  if (limit === null || count <= limit) return count;
  const total = await deps.count(search, COUNT_MAX + 1);
  const of = total > COUNT_MAX ? `more than ${formatCount(COUNT_MAX)}` : formatCount(total);
  deps.note(`${formatCount(limit)} of ${of} rows (--all for the rest)`);
  return limit;
}

/** What the command line alone does not tell to be wrong. */
function check({ what, format, order, ...options }: QueryOptions): void {
  if (!formats[format]) throw new UsageError(`unknown format "${format}"`);
  const { forTracks } = formats[format];
  const isFixes = what === "points" || what === "last";
  if (forTracks && !isFixes) throw new UsageError(`--format ${format} does not go with --${what}`);
  if (forTracks && options.columns) {
    throw new UsageError(`--columns does not go with --format ${format}`);
  }
  if (forTracks && what === "points" && order !== null && order !== "user") {
    throw new UsageError(`--order ${order} does not go with --format ${format}`, "--order user");
  }
  checkTracks({ what, format, ...options });
  if (options.watchMs !== null && !formats[format].forPeople) {
    throw new UsageError(`--watch does not go with --format ${format}`, "--format table");
  }
  if (options.time !== "iso" && !formats[format].hasTime) {
    throw new UsageError(`--time ${options.time} does not go with --format ${format}`);
  }
  if (what === "rejects") {
    const given = (["users", "bbox", "near"] as const).find((name) => options[name] !== null);
    const flag = given === "users" ? "user" : given;
    if (flag) {
      throw new UsageError(`--${flag} does not go with --rejects`, "--since and --until do");
    }
    if (order === "user") throw new UsageError("--order user does not go with --rejects");
  }
  if (order === "distance" && !isFixes) {
    throw new UsageError(`--order distance does not go with --${what}`);
  }
}

function checkTracks({ what, format, gapMs, simplifyM }: Pick<
  QueryOptions,
  "what" | "format" | "gapMs" | "simplifyM"
>): void {
  const flag = gapMs !== null ? "--gap" : simplifyM !== null ? "--simplify" : null;
  if (flag === null) return;
  if (what === "last") throw new UsageError(`${flag} does not go with --last`);
  if (formats[format]!.forTracks) return;
  const known = Object.keys(formats).filter((name) => formats[name]!.forTracks);
  throw new UsageError(
    `${flag} does not go with --format ${format}`,
    `--format ${known.join(", ")}`,
  );
}

/** Tracks run from user to user, oldest first; all else begins with the newest. */
function orderOf({ what, format, order }: QueryOptions): Search["order"] {
  const byUser = what === "summary" || (what === "points" && formats[format]!.forTracks);
  return order ?? (byUser ? "user" : "time");
}
