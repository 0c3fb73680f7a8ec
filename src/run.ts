import { type Command, type Globals, parseCli, placeFlags } from "./cli.ts";
import { completions } from "./completions.ts";
import { certificatesOf, secretsOf } from "./config.ts";
import { EXIT, Operation, renderFailure } from "./failure.ts";
import { help } from "./help.ts";
import { manPage } from "./man.ts";
import { openPaint, type Paint, wantsColor } from "./paint.ts";
import { openTalk, type Talk } from "./talk.ts";
import { version } from "./version.ts";
import type { Bench, Done } from "./wiring/bench.ts";
import { readSettings, warningsOf } from "./wiring/settings.ts";
import { ClosedPipe, type Output, type World } from "./world.ts";

/** Runs one command; returns the exit code. */
export async function run(world: World): Promise<number> {
  const secrets: string[] = [];
  const paintOf = (stream: Output, flag: Globals["color"]) =>
    openPaint(wantsColor(flag, world.env, stream.columns !== null));
  let how = {
    json: world.args.includes("--json"),
    verbose: 0,
    flags: [] as string[],
    paint: paintOf(world.stderr, world.args.includes("--no-color") ? "never" : null),
  };
  const tell = async (error: unknown): Promise<number> => {
    if (error instanceof ClosedPipe) return EXIT.ok;
    const { text, code } = renderFailure(asPermission(error), { ...how, secrets });
    await world.stderr.write(text).catch(() => {});
    return code;
  };
  world.onStray(tell);
  try {
    const { command, globals } = parseCli(world.args, world.now());
    how = { ...globals, flags: placeFlags(globals), paint: paintOf(world.stderr, globals.color) };
    switch (command.verb) {
      case "version":
        await world.stdout.write(versionLine(world));
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
    return await tell(error);
  }
}

function versionLine({ args, runtime }: World): string {
  return args.includes("--json")
    ? JSON.stringify({ version, runtime }) + "\n"
    : `routes ${version} (${runtime})\n`;
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

/** Opens the talk of one run, and keeps it apart from questions, and from data that goes to the same terminal. */
function speak(
  world: World,
  globals: Globals,
  paint: Paint,
  secrets: string[],
): { talk: Talk; world: World; written(): Promise<void> } {
  const { stdout, stderr, env, now, signal, ask } = world;
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
  const hush = () => {
    talk.clear();
    return written;
  };
  const asking: World = {
    ...world,
    ask: async (question) => {
      await hush();
      return await ask(question);
    },
  };
  if (stderr.columns === null) return { talk, world: asking, written: () => written };
  signal.addEventListener("abort", () => {
    talk.note("stopping; once more leaves at once, which is safe");
  }, { once: true });
  if (stdout.columns === null) return { talk, world: asking, written: () => written };
  const apart: Output = {
    get columns() {
      return stdout.columns;
    },
    async write(data) {
      await hush();
      await stdout.write(data);
    },
  };
  return { talk, world: { ...asking, stdout: apart }, written: () => written };
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

/** Deno refused what the program was not allowed at its start. */
function asPermission(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "NotCapable") return error;
  // `Requires read access to "/etc/passwd", run again with …`: what follows is for who starts or compiles it himself.
  const refused = error.message.replace(/^Requires /, "").replace(/, (run again|specify) .*$/s, "");
  const fix = "give routes that permission where it is built or started";
  return new Operation("noPermission", `not permitted: ${refused}`, { fix, cause: error });
}
