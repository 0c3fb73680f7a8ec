import type { Globals } from "../../cli/parse.ts";
import { runQuery } from "./query.ts";
import { wantsColor } from "../../terminal/color.ts";
import { openFinder } from "../../postgres/find.ts";
import type { Output, System } from "../../system.ts";
import type { Terminal } from "./columns.ts";
import {
  type CommandContext,
  type CommandResult,
  type Options,
  sleep,
  speaksUtf8,
  withExplanation,
} from "../context.ts";
import { openPostgresFor } from "../open_postgres.ts";

/** `routes query`: prints rows to stdout, in a read-only session. */
export async function query(
  options: Options<"query">,
  context: CommandContext,
): Promise<CommandResult> {
  const { globals, system, reporter, settings: { postgresql: { schema } } } = context;
  const { sql, watched, explain, close } = openPostgresFor(context, { max: 1, readOnly: true });
  try {
    await withExplanation(
      explain,
      runQuery(options, {
        ...openFinder(sql, { schema, signal: system.signal, watched }),
        out: system.stdout.write,
        note: reporter.note,
        terminal: terminalOf(system.stdout, globals.color, system.env),
        signal: system.signal,
        now: system.now,
        clock: system.clock,
        sleep,
      }),
    );
    return { summary: null, openEnded: options.watchMs !== null };
  } finally {
    await close();
  }
}

function terminalOf(
  { columns: width }: Output,
  flag: Globals["color"],
  env: System["env"],
): Terminal {
  const isTerminal = width !== null && env("TERM") !== "dumb";
  return {
    width,
    unicode: isTerminal && speaksUtf8(env),
    color: wantsColor(flag, env, width !== null),
    canRedraw: isTerminal,
  };
}
