import type { QueryOptions } from "../../cli/commands/query.ts";
import { formats } from "../../formats/mod.ts";
import { formatCount, formatMany, formatMs, zoneName } from "../../units.ts";
import { clockText } from "../../formats/cell.ts";
import { checkFlags } from "./conflicts.ts";
import { joined, rendered } from "./rendered.ts";
import { gapOf, needsOrigin, openView, type Terminal } from "./columns.ts";
import type { Finder } from "../../postgres/find.ts";
import type { Search } from "../../postgres/search.ts";
import type { Output, System } from "../../system.ts";
import type { Reporter } from "../../terminal/reporter.ts";

/** What runQuery() needs from its environment. */
export interface QueryDeps {
  postgres: Finder;
  reporter: Pick<Reporter, "note">;
  /** An abort of the signal ends the output early. */
  system: Pick<System, "now" | "clock" | "sleep" | "signal">;
  stdout: Pick<Output, "write">;
  terminal: Terminal;
}

const ROWS_FOR_PEOPLE = 100;
const COUNT_MAX = 1_000_000;

/** Prints the rows that match the filters, batch by batch; with `watchMs` repeatedly. */
export async function runQuery(options: QueryOptions, deps: QueryDeps): Promise<void> {
  checkFlags(options, deps.terminal.width !== null);
  try {
    await (options.watchMs === null
      ? runOnce(options, deps)
      : watch(options, options.watchMs, deps));
  } catch (error) {
    // After an abort, the cancelled statement fails: that is no error.
    if (!deps.system.signal.aborted) throw error;
  }
}

async function runOnce(options: QueryOptions, deps: QueryDeps): Promise<void> {
  const { clock } = deps.system;
  const startedAt = clock();
  let firstAt: number | null = null;
  const stdout: QueryDeps["stdout"] = {
    write: (text) => {
      firstAt ??= clock();
      return deps.stdout.write(text);
    },
  };
  const print = options.what === "total" ? printTotal : printRows;
  const rows = await print(options, { ...deps, stdout });
  if (!options.timing) return;
  const [first, all] = [firstAt ?? clock(), clock()].map((at) => formatMs(at - startedAt));
  deps.reporter.note(`${formatMany(rows, "row")} in ${all}, first row after ${first}`);
}

/** Each result replaces the previous one on a terminal that can redraw; elsewhere it is appended. */
async function watch(options: QueryOptions, everyMs: number, deps: QueryDeps): Promise<void> {
  const { reporter, system, stdout, terminal } = deps;
  for (let isFirst = true; !system.signal.aborted; isFirst = false) {
    const time = clockText(system.now() / 1000, options.tz);
    const title = `every ${formatMs(everyMs)}: ${time} ${zoneName(options.tz)}`;
    if (terminal.canRedraw) {
      const screen = `${title}\n` + await captureOnce(options, deps);
      if (system.signal.aborted) return;
      await stdout.write(
        (isFirst ? "\x1b[2J" : "") + `\x1b[H${screen.replaceAll("\n", "\x1b[K\n")}\x1b[J`,
      );
    } else {
      reporter.note(title);
      await runOnce(options, deps);
    }
    await system.sleep(everyMs, system.signal);
  }
}

/** One result with its notes, as text. */
async function captureOnce(options: QueryOptions, deps: QueryDeps): Promise<string> {
  let captured = "";
  await runOnce(options, {
    ...deps,
    stdout: { write: (text) => Promise.resolve(void (captured += text)) },
    reporter: { note: (line) => void (captured += `${line}\n`) },
  });
  return captured;
}

async function printTotal(options: QueryOptions, deps: QueryDeps): Promise<number> {
  const { postgres, reporter, stdout, terminal } = deps;
  const search: Search = {
    ...options,
    what: "points",
    withOrigin: false,
    usesPlaceIndex: false,
    gapS: gapOf(options),
    order: "time",
    limit: null,
  };
  if (options.showSql) noteSql(postgres.written(search, "count"), reporter);
  const total = await postgres.count(search, null);
  if (formats[options.format]!.forPeople) await stdout.write(`${total}\n`);
  else {
    const { format } = openView(options, terminal);
    await stdout.write(format.head + format.rows([[total]]) + format.tail());
  }
  return 1;
}

async function printRows(options: QueryOptions, deps: QueryDeps): Promise<number> {
  const { postgres, reporter } = deps;
  const { forPeople, forTracks } = formats[options.format]!;
  const limit = options.limit ?? (options.all || !forPeople || forTracks ? null : ROWS_FOR_PEOPLE);
  const what = options.what as Search["what"];
  const withOrigin = needsOrigin(options);
  const search: Search = {
    ...options,
    what,
    withOrigin,
    // The finder looks whether there is one.
    usesPlaceIndex: false,
    gapS: gapOf(options),
    order: orderOf(options),
    limit,
  };
  if (options.showSql) noteSql(postgres.written(search, "rows"), reporter);
  const count = await printBatches(options, search, deps);
  if (deps.system.signal.aborted) return count;
  // Who makes a file of tracks looks at stderr; a program that reads rows is not disturbed.
  const isWatched = forPeople || forTracks;
  if (count === 0) {
    if (isWatched) reporter.note("no rows");
    await noteMistakes(search, options, deps);
  }
  if (!isWatched) return count;
  if (limit === null || count < limit + (hasExtra(options) ? 1 : 0)) return count;
  const total = await postgres.count(search, COUNT_MAX + 1);
  if (total <= limit) return count;
  const of = total > COUNT_MAX
    ? `more than ${formatMany(COUNT_MAX, "row")}`
    : formatMany(total, "row");
  const rest = options.limit === null ? "--all" : "--all instead of --limit";
  reporter.note(`${formatCount(limit)} of ${of} (${rest} for the rest)`);
  return limit;
}

/**
 * Latitude and longitude in the wrong order are valid numbers too: says so if there are rows at the other place, and if
 * nothing can be there yet.
 */
async function noteMistakes(
  search: Search,
  { tz }: QueryOptions,
  { postgres, reporter, system }: QueryDeps,
): Promise<void> {
  const { near, bbox, since } = search;
  if (since !== null && since > system.now() / 1000) {
    reporter.note(`--since is in the future: ${clockText(since, tz)} ${zoneName(tz)}`);
  }
  if (near && Math.abs(near.longitude) <= 90) {
    const { latitude, longitude } = near;
    const other = { ...near, latitude: longitude, longitude: latitude };
    if (await postgres.count({ ...search, near: other }, 1) === 0) return;
    reporter.note(
      `--near is latitude,longitude: there are rows near ${other.latitude},${other.longitude}`,
    );
  }
  if (bbox && Math.abs(bbox.west) <= 90 && Math.abs(bbox.east) <= 90 && bbox.west <= bbox.east) {
    const other = { west: bbox.south, south: bbox.west, east: bbox.north, north: bbox.east };
    if (await postgres.count({ ...search, bbox: other }, 1) === 0) return;
    reporter.note(
      `--bbox is west,south,east,north: there are rows in ${Object.values(other).join()}`,
    );
  }
}

function noteSql(statement: string, reporter: QueryDeps["reporter"]): void {
  for (const line of `${statement};`.split("\n")) reporter.note(line);
}

/** Prints the rows as they arrive and returns how many were found: for people, one more than the limit if there are more. */
async function printBatches(
  options: QueryOptions,
  search: Search,
  { postgres, reporter, system, stdout, terminal }: QueryDeps,
): Promise<number> {
  const { limit } = search;
  const { needsExtent } = formats[options.format]!;
  // A separate statement: rows inserted between the two may lie outside the picture.
  const extent = needsExtent ? await postgres.extent(search) : null;
  const view = openView(options, terminal, extent);
  const wanted = { ...search, limit: hasExtra(options) && limit !== null ? limit + 1 : limit };
  let head = view.format.head;
  let count = 0;
  let notFinite = 0;
  for await (const piece of rendered(view, wanted, limit, postgres)) {
    count += piece.found;
    notFinite += piece.notFinite;
    await stdout.write(joined(head, piece.text));
    head = "";
    if (system.signal.aborted) return count;
  }
  await stdout.write(head + view.format.tail());
  if (notFinite > 0) {
    reporter.note(`NaN or infinity in ${formatMany(notFinite, "row")} that another program wrote`);
  }
  return count;
}

/** Whether one more row is read than is shown, to see whether there are more; in tracks it could be any of them. */
function hasExtra({ format }: QueryOptions): boolean {
  const { forPeople, forTracks } = formats[format]!;
  return forPeople && !forTracks;
}

/** Tracks are ordered by user, oldest first; all other rows by time, newest first. */
function orderOf({ what, format, order }: QueryOptions): Search["order"] {
  if (what === "points" && formats[format]!.forTracks) return "tracks";
  return order ?? (what === "summary" ? "user" : "time");
}
