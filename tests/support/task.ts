// The tasks of deno.json. No remote imports here, so that they also run without JSR and npm.

import { startup } from "../bench/startup.ts";
import { archives } from "./archives.ts";
import { build, buildAll } from "./build.ts";
import { importFlags } from "./imports.ts";
import { notes, release } from "./release.ts";
import { versions } from "./versions.ts";
import { openServices, type Services } from "./services.ts";

function print(stream: { writeSync(bytes: Uint8Array): number }, line: string): void {
  stream.writeSync(new TextEncoder().encode(`${line}\n`));
}

const ROOT = `${import.meta.dirname}/../../`;
/** Prints a message of the task itself to stderr. */
const say = (line: string) => print(Deno.stderr, `· ${line}`);

/** Folders whose tests need neither services nor permissions, apart from the files named below. */
const PURE = ["cli", "commands", "formats", "platforms", "record", "settings", "terminal"];
/** Tests in these folders that run shells or open sockets. */
const NOT_PURE = ["tests/cli/completions_test.ts", "tests/commands/consume/http_test.ts"];
/** Other files whose tests need neither. */
const PURE_FILES = [
  "tests/faults/checker_test.ts",
  "tests/suggest_test.ts",
  "tests/system_test.ts",
  "tests/units_test.ts",
];

const tasks: Record<string, (args: string[]) => Promise<number>> = {
  test,
  unit,
  demo: (args) => withServices(() => script("tests/support/demo.ts", args)),
  picture: (args) => withServices(() => script("tests/support/picture.ts", args)),
  "picture:page": (args) => withServices(() => script("tests/support/live_picture.ts", args)),
  bench: (args) => withServices(() => script("tests/bench/goals.ts", args)),
  "bench:line": (args) => script("tests/bench/line.ts", args),
  "bench:scaling": (args) => withServices(() => script("tests/bench/scaling.ts", args)),
  "bench:table": (args) => withServices(() => script("tests/bench/table.ts", args)),
  faults: (args) => script("tests/faults/matrix.ts", args),
  mutants: (args) => script("tests/faults/run_mutants.ts", args),
  services,
  check,
  build: (args) => build(args, say),
  "build:all": (args) => buildAll(args, say),
  platforms: (args) => {
    const work = () => script("tests/platforms/run.ts", args);
    return args.includes("--quick") ? work() : withServices(work);
  },
  versions: (args) => versions(args, say),
  archives: (args) => archives(args, say),
  release: (args) => release(args, say),
  notes: (args) => notes(args, say),
  startup: () =>
    startup(Deno.env.get("ROUTES_BIN") ?? `${ROOT}routes`, print.bind(null, Deno.stdout)),
};

async function test(args: string[]): Promise<number> {
  const flags = ["--no-check", ...await importFlags(say)];
  const tally = newTally();
  const pure = args.length > 0 ? args.filter(isPure) : pureTests();
  const others = args.length > 0 ? args.filter((path) => !isPure(path)) : otherTests();
  if (pure.length > 0) await count(["test", "--deny-net", ...flags, ...pure], tally);
  if (others.length > 0) {
    await withServices(async () => {
      await count(["test", "-A", ...flags, ...others], tally);
      return 0;
    });
  }
  return conclude(tally);
}

/** Runs the named tests, or all that need neither services nor permissions. */
async function unit(args: string[]): Promise<number> {
  const tally = newTally();
  await count(
    [
      "test",
      "--deny-net",
      "--no-check",
      ...await importFlags(say),
      ...args.length > 0 ? args : pureTests(),
    ],
    tally,
  );
  return conclude(tally);
}

type Tally = ReturnType<typeof newTally>;

function newTally() {
  return { passed: 0, failed: 0, ignored: 0, broken: 0 };
}

/** Prints the last line; returns the exit code. */
function conclude(tally: Tally): number {
  // A run that printed no counts has failed too.
  const failed = tally.failed || tally.broken;
  const skipped = tally.ignored > 0 ? `, ${tally.ignored} skipped` : "";
  print(Deno.stdout, `\n${tally.passed} passed, ${failed} failed${skipped}`);
  return failed > 0 ? 1 : 0;
}

function pureTests(): string[] {
  return testFiles("tests").filter(isPure);
}

function otherTests(): string[] {
  return testFiles("tests").filter((path) => !isPure(path));
}

function isPure(path: string): boolean {
  const [, folder] = path.split("/");
  if (!path.endsWith("_test.ts")) return false;
  return PURE_FILES.includes(path) || PURE.includes(folder!) && !NOT_PURE.includes(path);
}

/** The test files below `folder`, as paths from the project's root. */
function testFiles(folder: string): string[] {
  return [...Deno.readDirSync(ROOT + folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? testFiles(path) : name.endsWith("_test.ts") ? [path] : [];
  }).sort();
}

/** Runs tests, passes on their output, and adds up the counts of their last line. */
async function count(args: string[], tally: Tally): Promise<void> {
  const isTerminal = Deno.stdout.isTerminal();
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    stdout: "piped",
    env: isTerminal ? { FORCE_COLOR: "1" } : { NO_COLOR: "1" },
  }).spawn();
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    await Deno.stdout.write(chunk);
    text = (text + decoder.decode(chunk, { stream: true })).slice(-2_000);
  }
  const { success } = await child.status;
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/\x1b\[[0-9;]*m/g, "");
  const [, passed, failed, ignored = "0"] =
    /(\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(?: \| (\d+) ignored)?/.exec(
      plain,
    ) ?? [];
  tally.passed += Number(passed ?? 0);
  tally.failed += Number(failed ?? 0);
  tally.ignored += Number(ignored);
  if (!success && !Number(failed)) tally.broken++;
}

/** Keeps the services running until Ctrl-C. */
async function services(): Promise<number> {
  return await withServices((config) => {
    print(
      Deno.stdout,
      `the services are running; settings to use:\n\n${Deno.readTextFileSync(config)}`,
    );
    print(Deno.stdout, `  routes --config ${config} …\n\nCtrl-C stops them`);
    return new Promise(() => {});
  });
}

/** Checks types with the normal imports, and again with the import map that ROUTES_TYPED_STD names (typed @std). */
async function check(): Promise<number> {
  const typed = Deno.env.get("ROUTES_TYPED_STD");
  const maps = [await importFlags(say)];
  if (typed) maps.push(["--no-lock", "--import-map", typed]);
  else say("ROUTES_TYPED_STD is not set: no second check with a typed @std");
  for (const flags of maps) {
    const code = await deno(["check", "--quiet", ...flags, "src", "tests"]);
    if (code !== 0) return code;
  }
  return 0;
}

async function script(path: string, args: string[]): Promise<number> {
  return await deno(["run", "-A", "--no-check", ...await importFlags(say), path, ...args]);
}

async function deno(args: string[]): Promise<number> {
  return (await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).spawn().status).code;
}

/** Runs the work with services, and stops those that it started, also after an interrupt. */
async function withServices(work: (config: string) => Promise<number>): Promise<number> {
  let opened: Services | null = null;
  const interrupted = Promise.withResolvers<number>();
  const handle = () => interrupted.resolve(130);
  Deno.addSignalListener("SIGINT", handle);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", handle);
  try {
    opened = await openServices(say);
    Deno.env.set("ROUTES_TEST_CONFIG", opened.config);
    return await Promise.race([work(opened.config), interrupted.promise]);
  } catch (error) {
    say((error as Error).message);
    return 1;
  } finally {
    await opened?.stop();
  }
}

const [name, ...args] = Deno.args;
Deno.exit(await tasks[name!]!(args));
