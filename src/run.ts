import { type Command, type Globals, parseCli, placeFlags } from "./cli/parse.ts";
import { asPermission, EXIT, OperationalError } from "./errors.ts";
import { help } from "./cli/help.ts";
import { type Colors, openColors, wantsColor } from "./terminal/color.ts";
import { asciiSigns } from "./terminal/ascii.ts";
import type { Reporter } from "./terminal/reporter.ts";
import { versionText } from "./version.ts";
import {
  asciiOutput,
  type CommandContext,
  type CommandResult,
  usesUtf8,
} from "./commands/context.ts";
import { ClosedPipe, endOfInput, type Output, type System, withWrite } from "./system.ts";
import { scrub } from "./terminal/scrub.ts";
import { renderError } from "./terminal/render_error.ts";

/** Runs one command; returns the exit code. */
export async function run(given: System): Promise<number> {
  const system = withoutSigns(given);
  const { args, stdout, stderr } = system;
  const secrets: string[] = [];
  const colorsOf = (stream: Output, flag: Globals["color"]) =>
    openColors(wantsColor(flag, system.env, stream.columns !== null));
  let rendering = {
    json: args.includes("--json"),
    verbose: 0,
    isWindows: system.isWindows,
    flags: [] as string[],
    colors: colorsOf(stderr, args.includes("--no-color") ? "never" : null),
  };
  const tell = async (error: unknown): Promise<number> => {
    if (error instanceof ClosedPipe) return EXIT.ok;
    const { text, code } = renderError(asPermission(error), { ...rendering, secrets });
    await stderr.write(text).catch(() => {});
    return code;
  };
  system.onStray(tell);
  try {
    const { command, globals } = parseCli(args, system.now());
    const colors = colorsOf(stderr, globals.color);
    rendering = { ...rendering, ...globals, flags: placeFlags(globals), colors };
    if (!isText(command)) return await work(command, globals, system, colors, secrets);
    const text = await textOf(command, globals, system, colorsOf(stdout, globals.color));
    await stdout.write(usesUtf8(system.env) ? text : asciiSigns(text));
    return EXIT.ok;
  } catch (error) {
    return await tell(error);
  }
}

/** In a locale without UTF-8, messages are plain ASCII; data stays as it is. */
function withoutSigns(system: System): System {
  return usesUtf8(system.env) ? system : { ...system, stderr: asciiOutput(system.stderr) };
}

/** A command that only prints a text. */
type TextCommand = Extract<Command, { verb: "help" | "completions" | "version" }>;
type Work = Exclude<Command, TextCommand>;

function isText(command: Command): command is TextCommand {
  return ["help", "completions", "version"].includes(command.verb);
}

/** `--help` loads only what it needs. */
async function textOf(
  command: TextCommand,
  globals: Globals,
  system: System,
  colors: Colors,
): Promise<string> {
  switch (command.verb) {
    case "version":
      return versionText(system, {
        json: system.args.includes("--json"),
        // --version counts whatever else is wrong on the command line, so other flags may not have been read.
        all: globals.verbose > 0 || system.args.some((arg) => /^(-v+|--verbose)$/.test(arg)),
      });
    case "help":
      return help(command.topic, colors);
    case "completions":
      return (await import("./cli/completions.ts")).completions(command.shell);
  }
}

async function work(
  command: Work,
  globals: Globals,
  outside: System,
  colors: Colors,
  secrets: string[],
): Promise<number> {
  const report = await openRunReporter(outside, globals, colors, secrets);
  const { reporter } = report;
  const system = clearBeforeOutput(clearBeforeAsk(outside, report, secrets), report);
  if (system.stderr.columns !== null) noteStop(system.signal, reporter);
  const { readSettings, withPemTexts } = await import("./commands/load_settings.ts");
  const { certificatesOf, secretsOf } = await import("./settings/settings.ts");
  if (globals.config === "-" && system.stdinIsTerminal) {
    reporter.note(`reading settings from the terminal; ${endOfInput(system)} ends them`);
    await report.clear();
  }
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
    const context = { settings, globals, system: withPemTexts(system, settings), reporter };
    return await workWith(command, context);
  } finally {
    if (reporter.log) {
      const { roundTrips } = await import("./network/round_trips.ts");
      reporter.log(`round trips, one after the other: ${roundTrips()}`);
    }
    // The process ends as soon as this returns.
    await report.clear();
  }
}

async function workWith(
  command: Exclude<Work, { verb: "check" }>,
  context: CommandContext,
): Promise<number> {
  const { settings, globals, system, reporter } = context;
  const { warningsOf } = await import("./commands/load_settings.ts");
  const { certificatesOf } = await import("./settings/settings.ts");
  for (const warning of await warningsOf(settings, system)) reporter.warn(warning, "settings");
  // Certificates are read again on each connect, so that renewed ones are used; nothing else is.
  system.readOnlyNear(certificatesOf(settings));
  const { file } = settings;
  reporter.step(file ? `settings from ${file.path}` : "no settings file: using the defaults");
  const explain = async (failure: unknown) => {
    if (!(failure instanceof OperationalError) || failure.kind !== "noPermission") return failure;
    return await (await import("./commands/open_rights.ts"))
      .namingGrants(failure, command, context);
  };
  const { summary, failure, openEnded } = await perform(command, context)
    .catch(async (error) => {
      throw await explain(error);
    });
  reporter.clear();
  if (globals.json && summary) await system.stdout.write(JSON.stringify(summary) + "\n");
  if (failure) throw await explain(failure);
  return system.signal.aborted && !openEnded ? system.signal.reason as number : EXIT.ok;
}

/** The reporter of a run. */
interface RunReport {
  reporter: Reporter;
  /** Clears the progress line; resolves when everything reported so far is written to stderr. */
  clear(): Promise<void>;
}

async function openRunReporter(
  { stderr, env, now }: System,
  globals: Globals,
  colors: Colors,
  secrets: string[],
): Promise<RunReport> {
  const { openReporter } = await import("./terminal/reporter.ts");
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
  const clear = () => {
    reporter.clear();
    return written;
  };
  return { reporter, clear };
}

/** Clears the progress line before a question, and scrubs it. */
function clearBeforeAsk(system: System, { clear }: RunReport, secrets: string[]): System {
  return {
    ...system,
    ask: async (question) => {
      await clear();
      return await system.ask(scrub(question, secrets));
    },
  };
}

/** Clears the progress line before output that goes to a terminal, which may be the same one. */
function clearBeforeOutput(system: System, { clear }: RunReport): System {
  const { stdout, stderr } = system;
  if (stdout.columns === null || stderr.columns === null) return system;
  return {
    ...system,
    stdout: withWrite(stdout, async (data) => {
      await clear();
      await stdout.write(data);
    }),
  };
}

function noteStop(signal: AbortSignal, reporter: Reporter): void {
  signal.addEventListener("abort", () => {
    reporter.note("stopping; press Ctrl-C again to exit at once, which is safe");
  }, { once: true });
}

/** Each command loads only the clients that it needs; `--help` loads none. */
async function perform(
  command: Exclude<Work, { verb: "check" }>,
  context: CommandContext,
): Promise<CommandResult> {
  switch (command.verb) {
    case "produce":
      return (await import("./commands/produce/command.ts")).produce(command.options, context);
    case "consume": {
      const { options } = command;
      return options.retryRejects
        ? (await import("./commands/consume/command_retry.ts")).retryRejects(options, context)
        : (await import("./commands/consume/command.ts")).consume(options, context);
    }
    case "migrate":
      return (await import("./commands/migrate/command.ts")).migrate(command.options, context);
    case "query":
      return (await import("./commands/query/command.ts")).query(command.options, context);
    case "verify":
      return (await import("./commands/verify/command.ts")).verify(context);
  }
}
