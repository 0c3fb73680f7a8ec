import { type Command, type Globals, parseCli } from "./cli.ts";
import { completions } from "./completions.ts";
import {
  certificatesOf,
  parseSettings,
  secretsOf,
  type Settings,
  SETTINGS_FILES,
} from "./config.ts";
import type { Sources } from "./config/sources.ts";
import type { FileMode } from "./credentials.ts";
import { EXIT, Operation, renderFailure } from "./failure.ts";
import { help } from "./help.ts";
import { manPage } from "./man.ts";
import { openPaint, type Paint, wantsColor } from "./paint.ts";
import { openTalk, type Talk } from "./talk.ts";
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
  /** Gives up the right to read for good, but for where these files are. */
  readOnlyNear(files: string[]): void;
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

/** The failure when the output is not taken, as by a disk that is full. */
export function cannotWrite(cause: Error): Operation {
  return new Operation("temporary", `cannot write the output: ${reasonOf(cause)}`, {
    fix: "make room where it goes, then run it again",
    cause,
  });
}

/** What the system says, as the end of a sentence. */
function reasonOf({ message }: Error): string {
  const reason = message.replace(/ \(os error.*$/s, "");
  return reason.charAt(0).toLowerCase() + reason.slice(1);
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
  const { talk, world, written } = speak(outside, globals, paint, secrets);
  const { signal } = world;
  try {
    if (command.verb === "check") {
      const { check } = await import("./wiring/check.ts");
      const settings = () => {
        const found = readSettings(globals, world);
        world.readOnlyNear([...certificatesOf(found), ...found.file ? [found.file.path] : []]);
        return found;
      };
      return await check(command.options, { settings, globals, world, talk, secrets });
    }
    const settings = readSettings(globals, world);
    secrets.push(...secretsOf(settings));
    for (const warning of await warningsOf(settings, world)) talk.warn(warning);
    // Certificates are read again on each connect, so that renewed ones serve; nothing else is.
    world.readOnlyNear(certificatesOf(settings));
    const { file } = settings;
    talk.step(file ? `settings from ${file.path}` : "no settings file: defaults serve");
    const done = await perform(command, { settings, globals, world, talk });
    talk.clear();
    if (globals.json && done.summary) await world.stdout.write(JSON.stringify(done.summary) + "\n");
    if (done.failure) throw done.failure;
    return signal.aborted && !done.openEnded ? signal.reason as number : EXIT.ok;
  } finally {
    talk.clear();
    // The process ends as soon as this returns.
    await written();
  }
}

/** Opens the talk of one run, and keeps it apart from data that goes to the same terminal. */
function speak(
  world: World,
  globals: Globals,
  paint: Paint,
  secrets: string[],
): { talk: Talk; world: World; written(): Promise<void> } {
  const { stdout, stderr, env, now, signal } = world;
  let written = Promise.resolve();
  const talk = openTalk({
    ...globals,
    columns: () => env("TERM") === "dumb" ? null : stderr.columns,
    paint,
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
  if (stderr.columns === null) return { talk, world, written: () => written };
  signal.addEventListener("abort", () => {
    talk.note("stopping; once more leaves at once, which is safe");
  }, { once: true });
  if (stdout.columns === null) return { talk, world, written: () => written };
  const apart: Output = {
    get columns() {
      return stdout.columns;
    },
    async write(data) {
      talk.clear();
      await written;
      await stdout.write(data);
    },
  };
  return { talk, world: { ...world, stdout: apart }, written: () => written };
}

async function warningsOf(settings: Settings, world: World): Promise<string[]> {
  const { file, warnings } = settings;
  if (!file?.holdsSecret) return warnings;
  const { openToOthers } = await import("./credentials.ts");
  const fault = openToOthers(file.path, world);
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

function readSettings({ config, set, timeoutMs }: Globals, world: World): Settings {
  const file = findSettings(config === null ? SETTINGS_FILES : [config], world);
  if (config !== null && !file) {
    throw new Operation("noInput", `cannot read "${config}": file does not exist`, {
      fix: `routes help settings > ${config}`,
    });
  }
  const exists = (path: string) => isThere(path, world);
  const settings = parseSettings({ file, env: world.env, set, exists });
  const { postgresql } = settings;
  const connectTimeoutMs = Math.min(postgresql.connectTimeoutMs, timeoutMs);
  return { ...settings, postgresql: { ...postgresql, connectTimeoutMs } };
}

/** The first of them that is there, read. */
function findSettings(paths: string[], { readFile }: World): Sources["file"] {
  for (const path of paths) {
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(readFile(path));
      return { path, text };
    } catch (error) {
      const { name } = error as Error;
      if (name === "NotFound") continue;
      if (name === "NotCapable") throw outOfBounds(path, error);
      if (error instanceof TypeError) {
        throw new Operation("settings", `cannot read "${path}": it is not UTF-8 text`, {
          fix: `save it as UTF-8: iconv -f LATIN1 -t UTF-8 "${path}"`,
        });
      }
      const kind = name === "PermissionDenied" ? "noPermission" : "noInput";
      throw new Operation(
        kind,
        `cannot read "${path}": ${reasonOf(error as Error)}`,
        {
          fix: kind === "noPermission"
            ? `chmod u+r "${path}", as the user whose file it is`
            : "name a settings file with --config",
          cause: error,
        },
      );
    }
  }
  return null;
}

function outOfBounds(path: string, cause: unknown): Operation {
  const link = `ln -s "$(realpath ${path})" res/`;
  return new Operation("noPermission", `not permitted to read "${path}"`, {
    reason: "settings are host_settings.ini here or in src, or any file in res or /etc/routes",
    fix: [
      "start routes where it is one of those, or put it there",
      `or leave it and link it: mkdir -p res && ${link}`,
      "or do without a file: ROUTES_KAFKA_TOPIC=…, ROUTES_POSTGRESQL_HOST=… in the environment",
    ],
    cause,
  });
}

/** What may not be looked at counts as there: whoever needs it meets the refusal, and can name it. */
function isThere(path: string, { mode }: World): boolean {
  try {
    mode(path);
    return true;
  } catch (error) {
    return (error as Error).name !== "NotFound";
  }
}

/** Deno refused what the program was not allowed at its start. */
function asPermission(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "NotCapable") return error;
  // `Requires read access to "/etc/passwd", run again with …`: what follows is for who starts or compiles it himself.
  const refused = error.message.replace(/^Requires /, "").replace(/, (run again|specify) .*$/s, "");
  const fix = "give routes that permission where it is built or started";
  return new Operation("noPermission", `not permitted: ${refused}`, { fix, cause: error });
}
