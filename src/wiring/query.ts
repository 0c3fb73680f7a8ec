import type { Globals } from "../cli.ts";
import { runQuery } from "../commands/query.ts";
import { wantsColor } from "../paint.ts";
import { openFinder } from "../postgres/find.ts";
import type { Output, World } from "../world.ts";
import type { Terminal } from "../view.ts";
import { type Bench, type Done, explained, type Options, sleep, speaksUtf8 } from "./bench.ts";
import { openPostgresFor } from "./postgres.ts";

/** `routes query`: rows to stdout, over a session that cannot write. */
export async function query(options: Options<"query">, bench: Bench): Promise<Done> {
  const { globals, world, talk, settings: { postgresql: { schema } } } = bench;
  const { sql, explain, close } = openPostgresFor(bench, { max: 1, readOnly: true });
  try {
    await explained(
      explain,
      runQuery(options, {
        ...openFinder(sql, { schema, signal: world.signal }),
        out: world.stdout.write,
        note: talk.note,
        terminal: terminalOf(world.stdout, globals.color, world.env),
        signal: world.signal,
        now: world.now,
        clock: world.clock,
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
  env: World["env"],
): Terminal {
  const isTerminal = width !== null && env("TERM") !== "dumb";
  return {
    width,
    unicode: isTerminal && speaksUtf8(env),
    color: wantsColor(flag, env, width !== null),
    canRedraw: isTerminal,
  };
}
