import type { QueryOptions } from "../../cli/commands/query.ts";
import type { Globals } from "../../cli/parse.ts";
import { runQuery } from "./query.ts";
import { formats } from "../../formats/mod.ts";
import { wantsColor } from "../../terminal/color.ts";
import { escapeLines } from "../../terminal/scrub.ts";
import { openFinder } from "../../postgres/find.ts";
import { type Output, type System, withWrite } from "../../system.ts";
import type { Terminal } from "./columns.ts";
import { showProgress } from "./progress.ts";
import { type CommandContext, type CommandResult, usesUtf8, withExplanation } from "../context.ts";
import { openPostgresFor } from "../open_postgres.ts";

/** `routes query`: prints rows to stdout, in a read-only session. */
export async function query(
  options: QueryOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const { globals, system, reporter, settings: { postgresql: { schema, statementTimeoutMs } } } =
    context;
  const { signal, env } = system;
  const { forPeople } = formats[options.format] ?? { forPeople: true };
  const exact = forPeople ? system.stdout : escapedOnTerminal(system.stdout);
  const over = new AbortController();
  const stdout = options.watchMs === null
    ? showProgress(exact, { reporter, system }, over.signal)
    : exact;
  const { sql, tap, bounded, noteStandby, explain, close } = openPostgresFor(context, {
    max: 1,
    readOnly: true,
  });
  try {
    const postgres = openFinder({ sql, tap }, {
      schema,
      statementTimeoutMs,
      signal,
      watched: bounded,
      now: system.now,
    });
    const terminal = terminalOf(stdout, globals.color, env);
    if (options.watchMs !== null) await noteStandby();
    await withExplanation(
      explain,
      runQuery(options, { postgres, reporter, system, stdout, terminal }),
    );
    if (options.watchMs === null && !signal.aborted) await noteStandby();
    return { summary: null, openEnded: options.watchMs !== null };
  } finally {
    over.abort();
    await close();
  }
}

/** Formats for programs are exact in a file or pipe; on a terminal, stored text must not control it. */
function escapedOnTerminal(stdout: Output): Output {
  if (stdout.columns === null) return stdout;
  return withWrite(
    stdout,
    (data) => stdout.write(typeof data === "string" ? escapeLines(data) : data),
  );
}

function terminalOf(
  { columns: width, rows: height }: Output,
  flag: Globals["color"],
  env: System["env"],
): Terminal {
  const isTerminal = width !== null && env("TERM") !== "dumb";
  return {
    width,
    height,
    unicode: isTerminal && usesUtf8(env),
    ascii: !usesUtf8(env),
    color: wantsColor(flag, env, width !== null),
    canRedraw: isTerminal,
  };
}
