import { assert, assertEquals } from "@std/assert";
import { commandFlags } from "../../../src/cli/commands.ts";
import { parseCli } from "../../../src/cli/parse.ts";
import { openView } from "../../../src/commands/query/columns.ts";
import { checkFlags } from "../../../src/commands/query/conflicts.ts";
import { UsageError } from "../../../src/errors.ts";
import { FORMATS } from "../../../src/formats/properties.ts";
import { followFix } from "../../support/follow_fix.ts";
import { NO_TERMINAL } from "../../support/no_terminal.ts";

/** Values for the flags that take one; some decide what goes with the flag. */
const VALUES: Record<string, string[]> = {
  user: ["7"],
  since: ["2h"],
  until: ["now"],
  bbox: ["1,2,3,4"],
  near: ["1,2"],
  radius: ["2km"],
  limit: ["5"],
  order: ["time", "user", "distance"],
  code: ["schema"],
  format: Object.keys(FORMATS),
  columns: ["time", "time,latitude", "tiem,latitude", "time,time"],
  time: ["iso", "unix", "ms"],
  tz: ["UTC"],
  "user-field": ["userId"],
  gap: ["5m"],
  simplify: ["20m"],
  tiles: ["osm"],
};

/** What the command says to its flags before it asks the database; null if it runs. */
function refusal(args: string[]): UsageError | null {
  try {
    const { command } = parseCli(args, 0);
    if (command.verb !== "query") throw new Error(`not query: ${args.join(" ")}`);
    checkFlags(command.options, false);
    openView(command.options, NO_TERMINAL);
    return null;
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

/** The first error that following every fix ends with; a second fault of the line may need a second fix. */
function deadEnd(args: string[], steps = 2): string | null {
  const { hint, message } = refusal(args) ?? {};
  if (message === undefined) return null;
  if (steps === 0 || !hint?.startsWith("--")) return `${args.join(" ")}: ${message}`;
  const ends = followFix(args, hint).map((line) => deadEnd(line, steps - 1));
  return ends.find((end) => end !== null) ?? null;
}

Deno.test("every fix for flags of query that do not go together works, in every set of three", () => {
  const flags = [["--json"]];
  for (const { name, type, implied } of commandFlags.query) {
    const values = type && !implied ? VALUES[name] : [null];
    assertEquals(values === undefined, false, `no value for --${name}`);
    for (const value of values!) flags.push(value === null ? [`--${name}`] : [`--${name}`, value]);
  }
  const followed = new Map<string, number>();
  flags.forEach((first, i) =>
    flags.slice(i).forEach((second, j) =>
      flags.slice(i + j).forEach((third) => {
        const args = ["query", ...new Set([first, second, third])].flat();
        const { hint } = refusal(args) ?? {};
        if (!hint?.startsWith("--")) return;
        assertEquals(deadEnd(args), null, `${args.join(" ")}: ${hint}`);
        followed.set(hint, (followed.get(hint) ?? 0) + 1);
      })
    )
  );
  assert(followed.size > 8, [...followed].join("\n"));
});
