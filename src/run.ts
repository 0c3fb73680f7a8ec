import { type Command, type Globals, parseCli, placeFlags } from "./cli/parse.ts";
import { completions } from "./cli/completions.ts";
import { certificatesOf, secretsOf } from "./settings/settings.ts";
import { EXIT, OperationalError } from "./errors.ts";
import { help } from "./cli/help.ts";
import { type Colors, openColors, wantsColor } from "./terminal/color.ts";
import { openReporter, type Reporter } from "./terminal/reporter.ts";
import { version } from "./version.ts";
import type { CommandContext, CommandResult } from "./commands/context.ts";
import { readSettings, warningsOf } from "./commands/load_settings.ts";
import { ClosedPipe, type Output, type System } from "./system.ts";
import { renderError } from "./terminal/render_error.ts";

/** Runs one command; returns the exit code. */
export async function run(system: System): Promise<number> {
  const secrets: string[] = [];
  const colorsOf = (stream: Output, flag: Globals["color"]) =>
    openColors(wantsColor(flag, system.env, stream.columns !== null));
  let how = {
    json: system.args.includes("--json"),
    verbose: 0,
    flags: [] as string[],
    colors: colorsOf(system.stderr, system.args.includes("--no-color") ? "never" : null),
  };
  const tell = async (error: unknown): Promise<number> => {
    if (error instanceof ClosedPipe) return EXIT.ok;
    const { text, code } = renderError(asPermission(error), { ...how, secrets });
    await system.stderr.write(text).catch(() => {});
    return code;
  };
  system.onStray(tell);
  try {
    const { command, globals } = parseCli(system.args, system.now());
    how = {
      ...globals,
      flags: placeFlags(globals),
      colors: colorsOf(system.stderr, globals.color),
    };
    switch (command.verb) {
      case "version":
        await system.stdout.write(versionLine(system));
        break;
      case "help":
        await system.stdout.write(help(command.topic, colorsOf(system.stdout, globals.color)));
        break;
      case "completions":
        await system.stdout.write(completions(command.shell));
        break;
      default:
        return await work(command, globals, system, how.colors, secrets);
    }
    return EXIT.ok;
  } catch (error) {
    return await tell(error);
  }
}

function versionLine({ args, runtime }: System): string {
  return args.includes("--json")
    ? JSON.stringify({ version, runtime }) + "\n"
    : `routes ${version} (${runtime})\n`;
}

type Work = Exclude<Command, { verb: "help" | "completions" | "version" }>;

async function work(
  command: Work,
  globals: Globals,
  outside: System,
  colors: Colors,
  secrets: string[],
): Promise<number> {
  const { reporter, system, written } = speak(outside, globals, colors, secrets);
  const { signal } = system;
  try {
    if (command.verb === "check") {
      const { check } = await import("./commands/check/command.ts");
      const settings = () => {
        const found = readSettings(globals, system);
        system.readOnlyNear([...certificatesOf(found), ...found.file ? [found.file.path] : []]);
        return found;
      };
      return await check(command.options, { settings, globals, system, reporter, secrets });
    }
    const settings = readSettings(globals, system);
    secrets.push(...secretsOf(settings));
    for (const warning of await warningsOf(settings, system)) reporter.warn(warning);
    // Certificates are read again on each connect, so that renewed ones serve; nothing else is.
    system.readOnlyNear(certificatesOf(settings));
    const { file } = settings;
    reporter.step(file ? `settings from ${file.path}` : "no settings file: using the defaults");
    const done = await perform(command, { settings, globals, system: system, reporter: reporter });
    reporter.clear();
    if (globals.json && done.summary) {
      await system.stdout.write(JSON.stringify(done.summary) + "\n");
    }
    if (done.failure) throw done.failure;
    return signal.aborted && !done.openEnded ? signal.reason as number : EXIT.ok;
  } finally {
    reporter.clear();
    // The process ends as soon as this returns.
    await written();
  }
}

/** Opens the talk of one run, and keeps it apart from questions, and from data that goes to the same terminal. */
function speak(
  system: System,
  globals: Globals,
  colors: Colors,
  secrets: string[],
): { reporter: Reporter; system: System; written(): Promise<void> } {
  const { stdout, stderr, env, now, signal, ask } = system;
  let written = Promise.resolve();
  const reporter = openReporter({
    ...globals,
    columns: () => env("TERM") === "dumb" ? null : stderr.columns,
    colors,
    secrets,
    now,
    write: (text) => {
      written = written.then(() => stderr.write(text)).catch(() => {});
    },
    later: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
  });
  const hush = () => {
    reporter.clear();
    return written;
  };
  const asking: System = {
    ...system,
    ask: async (question) => {
      await hush();
      return await ask(question);
    },
  };
  if (stderr.columns === null) return { reporter, system: asking, written: () => written };
  signal.addEventListener("abort", () => {
    reporter.note("stopping; press Ctrl-C again to exit at once, which is safe");
  }, { once: true });
  if (stdout.columns === null) return { reporter, system: asking, written: () => written };
  const apart: Output = {
    get columns() {
      return stdout.columns;
    },
    async write(data) {
      await hush();
      await stdout.write(data);
    },
  };
  return { reporter, system: { ...asking, stdout: apart }, written: () => written };
}

/** Each command loads the clients that it needs, and `--help` none. */
async function perform(
  command: Exclude<Work, { verb: "check" }>,
  context: CommandContext,
): Promise<CommandResult> {
  switch (command.verb) {
    case "produce":
      return await (await import("./commands/produce/command.ts")).produce(
        command.options,
        context,
      );
    case "consume":
      if (command.options.retryRejects) {
        return await (await import("./commands/consume/command_retry.ts")).retryRejects(
          command.options,
          context,
        );
      }
      return await (await import("./commands/consume/command.ts")).consume(
        command.options,
        context,
      );
    case "migrate":
      return await (await import("./commands/migrate/command.ts")).migrate(
        command.options,
        context,
      );
    case "query":
      return await (await import("./commands/query/command.ts")).query(command.options, context);
    case "verify":
      return await (await import("./commands/verify/command.ts")).verify(context);
  }
}

/** Deno refused what the program was not allowed at its start. */
function asPermission(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "NotCapable") return error;
  // `Requires read access to "/etc/passwd", run again with …`: what follows is for who starts or compiles it himself.
  const refused = error.message.replace(/^Requires /, "").replace(/, (run again|specify) .*$/s, "");
  const fix = "give routes that permission where it is built or started";
  return new OperationalError("noPermission", `not permitted: ${refused}`, {
    hint: fix,
    cause: error,
  });
}
