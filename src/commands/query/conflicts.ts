import type { QueryOptions } from "../../cli/commands/query.ts";
import { UsageError } from "../../errors.ts";
import { formats } from "../../formats/mod.ts";
import type { FormatName } from "../../formats/properties.ts";

/** What to type instead, and the options that this changes. */
type Fix = [text: string, change: Partial<QueryOptions>];
type Conflict = [message: string, fixes: Fix[]];

/** Refuses combinations of flags that depend on the format; every fix that it prints works. */
export function checkFlags(options: QueryOptions, isTerminal: boolean): void {
  if (!formats[options.format]) throw new UsageError(`unknown format "${options.format}"`);
  const [message, fixes] = conflictOf(options) ?? onTerminal(options, isTerminal) ?? [];
  if (message === undefined) return;
  const working = fixes!.filter(([, change]) => !conflictOf({ ...options, ...change }));
  throw new UsageError(message, working.map(([text]) => text).join(", or ") || undefined);
}

/** A drawing on a terminal would only show its source text. */
function onTerminal({ format }: QueryOptions, isTerminal: boolean): Conflict | null {
  if (!isTerminal || !formats[format]!.forViewer) return null;
  const message = `--format ${format} makes a drawing for a file, not for a terminal`;
  return [message, [...as(format, format), ...as("map", format)]];
}

/** The fix of another format; none for json, because `--json` may have been given, which excludes `--format`. */
function as(other: FormatName, format: FormatName): Fix[] {
  const file = formats[other]!.forViewer ? ` > tracks.${other}` : "";
  return format === "json" ? [] : [[`--format ${other}${file}`, { format: other }]];
}

function conflictOf(
  { what, format, order, columns, header, time, watchMs, ...options }: QueryOptions,
): Conflict | null {
  const { users, bbox, near, gapMs, simplifyM, tiles, userField } = options;
  const { forPeople, forTracks, hasTime, hasHeader } = formats[format]!;
  const isFixes = what === "points" || what === "last";
  const isRejects = what === "rejects" || what === "codes";
  const view = what === "codes" ? "--rejects --summary" : `--${what}`;
  const trackFormats = Object.keys(formats).filter((name) => formats[name]!.forTracks).join(", ");
  const ofFixes = users ? "--user" : bbox ? "--bbox" : near ? "--near" : "";
  const isOtherOrder = forTracks && what === "points" && order !== null && order !== "user";
  const apart = (flag: string, other: string) => `${flag} cannot be combined with ${other}`;
  const summary: Fix[] = columns ? [] : [["--summary", { what: "summary" }]];
  const conflicts: [applies: unknown, message: string, fixes?: Fix[]][] = [
    [forTracks && !isFixes, apart(`--format ${format}`, view)],
    [forTracks && columns, apart("--columns", `--format ${format}`)],
    [
      isOtherOrder,
      apart(`--order ${order}`, `--format ${format}`),
      [["--order user", { order: "user" }]],
    ],
    [gapMs !== null && what !== "points" && what !== "summary", apart("--gap", view)],
    [simplifyM !== null && what !== "points", apart("--simplify", view)],
    [
      gapMs !== null && !forTracks && what !== "summary",
      `--gap goes with --summary, or with --format ${trackFormats}`,
      [...summary, ...as("map", format)],
    ],
    [
      simplifyM !== null && !forTracks,
      `--simplify goes with --format ${trackFormats}`,
      as("map", format),
    ],
    [watchMs !== null && !forPeople, apart("--watch", `--format ${format}`), as("table", format)],
    [!header && !hasHeader, apart("--no-header", `--format ${format}`)],
    [
      time === "ms" && format === "ndjson" && isFixes && !columns,
      "--time ms cannot be combined with --format ndjson: a record has unix seconds",
      as("json", format),
    ],
    [time !== "iso" && !hasTime, apart(`--time ${time}`, `--format ${format}`)],
    [tiles && format !== "html", "--tiles goes with --format html", as("html", format)],
    [
      userField && format !== "ndjson",
      "--user-field goes with --format ndjson",
      as("ndjson", format),
    ],
    [userField && !isFixes, apart("--user-field", view)],
    [userField && columns, apart("--user-field", "--columns")],
    [isRejects && ofFixes, `${apart(ofFixes, "--rejects")}: a reject has no user and no place`],
    [isRejects && order === "user", apart("--order user", "--rejects")],
    [what === "codes" && order, apart(`--order ${order}`, view)],
    [order === "distance" && !isFixes, apart("--order distance", view)],
  ];
  const [, message, fixes = []] = conflicts.find(([applies]) => applies) ?? [];
  return message === undefined ? null : [message, fixes];
}
