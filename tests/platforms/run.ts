// `deno task platforms`: the program of each platform does the same as the sources. With --quick only what needs no services;
// with --program FILE only that program for this machine; with --built FOLDER what `deno task build:all` built there.

import { openWorkspace, type Workspace } from "../support/workspace.ts";
import { IMITATED, native, type Platform, programFor, Skipped, sources } from "./platforms.ts";
import { difference, type Ended, FILES, type Step, STEPS } from "./round.ts";

// The sources are what all are compared with.
Deno.env.delete("ROUTES_BIN");
const option = (name: string) => {
  const at = Deno.args.indexOf(name);
  return at < 0 ? null : Deno.args[at + 1]!;
};
const isQuick = Deno.args.includes("--quick");
const [program, built] = [option("--program"), option("--built")];

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const dir = await Deno.makeTempDir({ prefix: "routes-platforms-" });
const steps = STEPS.filter(({ quick }) => quick || !isQuick);
let [passed, failed] = [0, 0];

/** The folder in which a platform runs, and the name of its topic and database. */
async function openFolder(): Promise<Pick<Workspace, "name" | "dir" | "close">> {
  if (!isQuick) return await openWorkspace("routes_platforms");
  const dir = await Deno.makeTempDir({ prefix: "routes-platforms-" });
  return { name: "NAME", dir, close: () => Deno.remove(dir, { recursive: true }) };
}

async function perform({ command, args, env }: Platform, step: Step, cwd: string): Promise<Ended> {
  const begin = performance.now();
  const child = new Deno.Command(command, {
    // A platform that starts elsewhere is told where: `cwd` is in its arguments.
    args: [...args.map((arg) => arg === Deno.cwd() ? cwd : arg), ...step.line.split(" ")],
    cwd,
    env,
    clearEnv: true,
    stdin: step.stdin ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (step.stdin) await new Blob([step.stdin as BlobPart]).stream().pipeTo(child.stdin);
  const { code, stdout, stderr } = await child.output();
  const seconds = (performance.now() - begin) / 1000;
  return { code, stdout, stderr: new TextDecoder().decode(stderr), seconds };
}

/** What each step left on a platform, and the name that its texts contain. */
interface Round {
  name: string;
  results: Ended[];
}

async function runAll(platform: Platform): Promise<Round> {
  const folder = await openFolder();
  try {
    await Deno.mkdir(`${folder.dir}/res`);
    for (const [file, bytes] of Object.entries(FILES)) {
      await Deno.writeFile(`${folder.dir}/${file}`, bytes);
    }
    const results: Ended[] = [];
    for (const step of steps) results.push(await perform(platform, step, folder.dir));
    return { name: folder.name, results };
  } finally {
    await folder.close();
    await platform.close();
  }
}

/** Prints one platform as a table, compared with the sources. */
function show(title: string, expected: Round, found: Round): void {
  print(`\n${title}`);
  for (const [i, step] of steps.entries()) {
    const [wanted, ended] = [expected.results[i]!, found.results[i]!];
    const fault = difference(step, [wanted, ended], [expected.name, found.name]);
    if (fault === null) passed++;
    else failed++;
    const shown = step.shows?.exec(new TextDecoder().decode(ended.stdout) + ended.stderr)?.[0];
    const cells = [
      fault === null ? "ok    " : "FAILED",
      String(ended.code).padStart(3),
      `${ended.seconds.toFixed(1)} s`.padStart(7),
      `routes ${step.line}`.padEnd(72),
      fault ?? shown ?? "",
    ];
    print(cells.join("  ").trimEnd());
  }
}

/** The platforms to try, by name. */
const tried: [target: string, open: () => Promise<Platform>][] = program
  ? [[Deno.build.target, async () => native(await Deno.realPath(program))]]
  : [
    [Deno.build.target, async () => native(await programFor(Deno.build.target, { built, dir }))],
    ...Object.entries(IMITATED).filter(([target]) => target !== Deno.build.target)
      .map(([target, open]): [string, () => Promise<Platform>] => [
        target,
        async () => await open(await programFor(target, { built, dir })),
      ]),
  ];

try {
  const expected = await runAll(await sources());
  show("sources", expected, expected);
  for (const [target, open] of tried) {
    let platform: Platform;
    try {
      platform = await open();
    } catch (error) {
      if (!(error instanceof Skipped)) throw error;
      print(`\n${target}: left out: ${error.message}`);
      continue;
    }
    show(target, expected, await runAll(platform));
  }
} finally {
  await Deno.remove(dir, { recursive: true });
}
print(`\n${passed} passed, ${failed} failed`);
Deno.exit(failed > 0 ? 1 : 0);
