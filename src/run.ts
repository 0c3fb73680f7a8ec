import { type Command, type Globals, parseCli } from "./cli.ts";
import { completions } from "./completions.ts";
import { parseSettings, secretsOf, type Settings, SETTINGS_FILES } from "./config.ts";
import type { FileMode } from "./credentials.ts";
import { EXIT, Operation, renderFailure } from "./failure.ts";
import { help } from "./help.ts";
import { manPage } from "./man.ts";
import { openPaint, type Paint, wantsColor } from "./paint.ts";
import { openTalk } from "./talk.ts";
import { version } from "./version.ts";
import type { Bench, Done } from "./wiring/bench.ts";

/** Everything outside of the program, as main.ts hands it in. */
export interface World {
  args: string[];
  env(name: string): string | undefined;
  /** Throws where the file is not there, or not to be read. */
  readFile(path: string): Uint8Array;
  /** Null where files have no mode. */
  mode(path: string): FileMode | null;
  stdin: ReadableStream<Uint8Array>;
  stdout: Output;
  stderr: Output;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds on a clock that never jumps. */
  clock(): number;
  /** A whole number below 2^32. */
  random(): number;
  /** Ends when it is time to finish; its reason is the exit code of work that had an end. */
  signal: AbortSignal;
  /** Asks on the terminal; null where there is none. */
  ask(question: string): Promise<string | null>;
  /** For the version line. */
  runtime: string;
}

/** A stream to write to. */
export interface Output {
  /** Waits until it is taken; throws ClosedPipe when nobody reads any more. */
  write(data: string | Uint8Array): Promise<void>;
  /** Width of the terminal as it is now, null where it is none. */
  readonly columns: number | null;
}

/** Whoever read the output went away, as `head` does: no failure. */
export class ClosedPipe extends Error {
  override name = "ClosedPipe";
}

/** Runs one command; returns the exit code. */
export async function run(world: World): Promise<number> {
  const secrets: string[] = [];
  const paintOf = (stream: Output, flag: Globals["color"]) =>
    openPaint(wantsColor(flag, world.env, stream.columns !== null));
  let how = {
    json: world.args.includes("--json"),
    verbose: 0,
    paint: paintOf(world.stderr, world.args.includes("--no-color") ? "never" : null),
  };
  try {
    const { command, globals } = parseCli(world.args, world.now());
    how = { ...globals, paint: paintOf(world.stderr, globals.color) };
    switch (command.verb) {
      case "version":
        await world.stdout.write(`routes ${version} (${world.runtime})\n`);
        break;
      case "help":
        await world.stdout.write(help(command.topic, paintOf(world.stdout, globals.color)));
        break;
      case "man":
        await world.stdout.write(manPage());
        break;
      case "completions":
        await world.stdout.write(completions(command.shell));
        break;
      default:
        return await work(command, globals, world, how.paint, secrets);
    }
    return EXIT.ok;
  } catch (error) {
    if (error instanceof ClosedPipe) return EXIT.ok;
    const { text, code } = renderFailure(asPermission(error), { ...how, secrets });
    await world.stderr.write(text).catch(() => {});
    return code;
  }
}

type Work = Exclude<Command, { verb: "help" | "man" | "completions" | "version" }>;

async function work(
  command: Work,
  globals: Globals,
  outside: World,
  paint: Paint,
  secrets: string[],
): Promise<number> {
  const { stdout, stderr, env, now, signal } = outside;
  let written = Promise.resolve();
  const write = (text: string) => {
    written = written.then(() => stderr.write(text)).catch(() => {});
  };
  const talk = openTalk({
    ...globals,
    columns: () => env("TERM") === "dumb" ? null : stderr.columns,
    paint,
    secrets,
    now,
    write,
    later: (ms, call) => {
      const timer = setTimeout(call, ms);
      return () => clearTimeout(timer);
    },
  });
  // Data on the terminal must not end up behind the progress line.
  const world = stdout.columns === null || stderr.columns === null ? outside : {
    ...outside,
    stdout: {
      columns: stdout.columns,
      write: async (data: string | Uint8Array) => {
        talk.clear();
        await written;
        await stdout.write(data);
      },
    },
  };
  signal.addEventListener("abort", () => {
    if (stderr.columns !== null) talk.note("stopping; once more leaves at once, which is safe");
  }, { once: true });
  try {
    if (command.verb === "check") {
      const { check } = await import("./wiring/check.ts");
      const settings = () => readSettings(globals, world);
      return await check(command.options, { settings, globals, world, talk, secrets });
    }
    const settings = readSettings(globals, world);
    secrets.push(...secretsOf(settings));
    for (const warning of await warningsOf(settings, world)) talk.note(`warning: ${warning}`);
    const { file } = settings;
    talk.step(file ? `settings from ${file}` : "no settings file: defaults serve");
    const done = await perform(command, { settings, globals, world, talk });
    talk.clear();
    if (globals.json && done.summary) await stdout.write(JSON.stringify(done.summary) + "\n");
    if (done.failure) throw done.failure;
    return signal.aborted && !done.openEnded ? signal.reason as number : EXIT.ok;
  } finally {
    talk.clear();
    // The process ends as soon as this returns.
    await written;
  }
}

async function warningsOf(settings: Settings, world: World): Promise<string[]> {
  const { file, warnings } = settings;
  const secrets = secretsOf(settings);
  if (file === null || secrets.length === 0) return warnings;
  const { inspectSettingsFile } = await import("./credentials.ts");
  const fault = inspectSettingsFile(file, secrets, world);
  return fault ? [...warnings, `${fault.message}: ${fault.fix}`] : warnings;
}

/** Each command loads the clients that it needs, and `--help` none. */
async function perform(command: Exclude<Work, { verb: "check" }>, bench: Bench): Promise<Done> {
  switch (command.verb) {
    case "produce":
      return await (await import("./wiring/produce.ts")).produce(command.options, bench);
    case "consume":
      if (command.options.retryRejects) {
        return await (await import("./wiring/retry.ts")).retryRejects(command.options, bench);
      }
      return await (await import("./wiring/consume.ts")).consume(command.options, bench);
    case "migrate":
      return await (await import("./wiring/migrate.ts")).migrate(command.options, bench);
    case "query":
      return await (await import("./wiring/query.ts")).query(command.options, bench);
    case "verify":
      return await (await import("./wiring/verify.ts")).verify(bench);
  }
}

function readSettings({ config, set }: Globals, { env, readFile }: World): Settings {
  const read = (path: string): Uint8Array | null => {
    try {
      return readFile(path);
    } catch (error) {
      const { name, message } = error as Error;
      if (name === "NotFound") return null;
      if (name === "NotCapable") throw error;
      const reason = message.replace(/ \(os error.*$/s, "").replace(
        /^[A-Z]/,
        (c) => c.toLowerCase(),
      );
      const kind = name === "PermissionDenied" ? "noPermission" : "noInput";
      throw new Operation(kind, `cannot read "${path}": ${reason}`, { cause: error });
    }
  };
  const exists = (path: string): boolean => read(path) !== null;
  const path = config ?? SETTINGS_FILES.find(exists);
  if (path === undefined) return parseSettings({ file: null, env, set, exists });
  const bytes = read(path);
  if (!bytes) {
    throw new Operation("noInput", `cannot read "${path}": file does not exist`, {
      fix: `routes help settings > ${path}`,
    });
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return parseSettings({ file: { path, text }, env, set, exists });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new Operation("settings", `cannot read "${path}": it is not UTF-8 text`);
  }
}

/** Deno refused what the program was not allowed at its start. */
function asPermission(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "NotCapable") return error;
  return new Operation(
    "noPermission",
    `not permitted: ${error.message.replace(/, run again.*$/s, "")}`,
    {
      fix: [
        "settings are host_settings.ini here or in src, or any file in res or /etc/routes",
        "certificates and keys lie in ssl, src/ssl, res or /etc/routes",
      ],
      cause: error,
    },
  );
}
