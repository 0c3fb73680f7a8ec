import type { QueryOptions } from "../../cli/commands/query.ts";
import { UsageError } from "../../errors.ts";
import { formats } from "../../formats/mod.ts";
import type { FormatName } from "../../formats/properties.ts";

/** What to type instead, and the options that this changes. */
type Fix = [text: string, change: Partial<QueryOptions>];

/** Refuses combinations of flags that depend on the format; every fix that it prints works. */
export function checkFlags(options: QueryOptions): void {
  if (!formats[options.format]) throw new UsageError(`unknown format "${options.format}"`);
  const [message, fixes] = conflictOf(options) ?? [];
  if (message === undefined) return;
  const working = fixes!.filter(([, change]) => !conflictOf({ ...options, ...change }));
  throw new UsageError(message, working.map(([text]) => text).join(", or ") || undefined);
}

function conflictOf(
  { what, format, order, columns, time, watchMs, ...options }: QueryOptions,
): [message: string, fixes: Fix[]] | null {
  const { users, bbox, near, gapMs, simplifyM, tiles, userField } = options;
  const { forPeople, forTracks, hasTime } = formats[format]!;
  const isFixes = what === "points" || what === "last";
  const isRejects = what === "rejects" || what === "codes";
  const view = what === "codes" ? "--rejects --summary" : `--${what}`;
  const trackFormats = Object.keys(formats).filter((name) => formats[name]!.forTracks).join(", ");
  const ofFixes = users ? "--user" : bbox ? "--bbox" : near ? "--near" : "";
  const isOtherOrder = forTracks && what === "points" && order !== null && order !== "user";
  const apart = (flag: string, other: string) => `${flag} cannot be combined with ${other}`;
  const as = (other: FormatName): Fix[] =>
    // It may be --json, which excludes --format.
    format === "json" ? [] : [[`--format ${other}`, { format: other }]];
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
      [...summary, ...as("map")],
    ],
    [
      simplifyM !== null && !forTracks,
      `--simplify goes with --format ${trackFormats}`,
      as("map"),
    ],
    [watchMs !== null && !forPeople, apart("--watch", `--format ${format}`), as("table")],
    [time !== "iso" && !hasTime, apart(`--time ${time}`, `--format ${format}`)],
    [tiles && format !== "html", "--tiles goes with --format html", as("html")],
    [userField && format !== "ndjson", "--user-field goes with --format ndjson", as("ndjson")],
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
