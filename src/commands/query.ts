import type { QueryOptions } from "../cli.ts";
import { Usage } from "../failure.ts";
import { formats } from "../formats/mod.ts";
import { formatCount } from "../time.ts";
import { type FoundRow, openView, type Terminal } from "../view.ts";

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
  out(text: string): Promise<void>;
  note(line: string): void;
  terminal: Terminal;
  /** Ends the output early. */
  signal: AbortSignal;
}

const ROWS_FOR_PEOPLE = 100;
const COUNT_MAX = 1_000_000;

/** Prints the rows that pass the filters, batch by batch. */
export async function runQuery(options: QueryOptions, deps: QueryDeps): Promise<void> {
  check(options);
  try {
    await (options.what === "total" ? printTotal(options, deps) : printRows(options, deps));
  } catch (error) {
    // What was cancelled fails.
    if (!deps.signal.aborted) throw error;
  }
}

async function printTotal(options: QueryOptions, deps: QueryDeps): Promise<void> {
  const search: Search = { ...options, what: "points", order: "time", limit: null };
  const total = await deps.count(search, null);
  if (formats[options.format]!.forPeople) return await deps.out(`${total}\n`);
  const { format } = openView(options, deps.terminal);
  await deps.out(format.head + format.rows([[total]]) + format.tail());
}

async function printRows(options: QueryOptions, deps: QueryDeps): Promise<void> {
  const { forPeople } = formats[options.format]!;
  const { format, cells } = openView(options, deps.terminal);
  const limit = options.limit ?? (options.all || !forPeople ? null : ROWS_FOR_PEOPLE);
  const search = {
    ...options,
    what: options.what as Search["what"],
    order: orderOf(options),
    limit,
  };
  // One row more tells whether there are more.
  const wanted = forPeople && limit !== null ? limit + 1 : limit;
  let text = format.head;
  let count = 0;
  for await (const found of deps.find({ ...search, limit: wanted })) {
    const batch = limit === null ? found : found.slice(0, limit - count);
    count += found.length;
    await deps.out(text + format.rows(batch.map(cells)));
    text = "";
    if (deps.signal.aborted) return;
  }
  await deps.out(text + format.tail());
  if (!forPeople) return;
  if (count === 0) deps.note("no rows");
  if (limit === null || count <= limit) return;
  const total = await deps.count(search, COUNT_MAX + 1);
  const of = total > COUNT_MAX ? `more than ${formatCount(COUNT_MAX)}` : formatCount(total);
  deps.note(`${formatCount(limit)} of ${of} rows (--all for the rest)`);
}

/** What the command line alone does not tell to be wrong. */
function check({ what, format, order, ...options }: QueryOptions): void {
  if (!formats[format]) throw new Usage(`unknown format "${format}"`);
  const { forTracks } = formats[format];
  const isFixes = what === "points" || what === "last";
  if (forTracks && !isFixes) throw new Usage(`--format ${format} does not go with --${what}`);
  if (forTracks && options.columns) {
    throw new Usage(`--columns does not go with --format ${format}`);
  }
  if (forTracks && what === "points" && order !== null && order !== "user") {
    throw new Usage(`--order ${order} does not go with --format ${format}`, "--order user");
  }
  if (what === "rejects") {
    const given = (["users", "bbox", "near"] as const).find((name) => options[name] !== null);
    const flag = given === "users" ? "user" : given;
    if (flag) {
      throw new Usage(`--${flag} does not go with --rejects`, "--since and --until do");
    }
    if (order === "user") throw new Usage("--order user does not go with --rejects");
  }
  if (order === "distance" && !isFixes) {
    throw new Usage(`--order distance does not go with --${what}`);
  }
}

/** Tracks run from user to user, oldest first; all else begins with the newest. */
function orderOf({ what, format, order }: QueryOptions): Search["order"] {
  const byUser = what === "summary" || (what === "points" && formats[format]!.forTracks);
  return order ?? (byUser ? "user" : "time");
}
