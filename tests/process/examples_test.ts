import { assert, assertEquals } from "@std/assert";
import { help } from "../../src/cli/help.ts";
import { type Verb, verbs } from "../../src/cli/commands.ts";
import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { type ProgramFixture, quietEnv, spawn, withProgram } from "../support/program.ts";

const isUnix = Deno.build.os !== "windows";
/** What an example needs in a shell of its own. */
const SHELLS: Record<string, string> = { "completions bash": "bash", "completions zsh": "zsh" };
const [program, flags] = programCommand(await importFlags(() => {}));

/** The lines that the help shows as examples. */
function examplesIn(text: string): string[] {
  const [, examples] = /Examples:\n((?: {2}.*\n)+)/.exec(text)!;
  return examples!.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** Runs a line in a shell that finds `routes`; interrupts what has no end as soon as it has said something. */
async function run({ dir }: ProgramFixture, line: string): Promise<void> {
  const shell = Object.entries(SHELLS).find(([words]) => line.includes(words))?.[1] ?? "sh";
  const tried = Promise.try(() => new Deno.Command(shell, { args: ["-c", "exit"] }).output());
  // That shell is not installed.
  if (await tried.then(() => false, () => true)) return;
  const env = { ...quietEnv(), PATH: `${dir}/bin:${Deno.env.get("PATH")}`, HOME: dir };
  const isEndless = /--follow|--watch|--duration/.test(line);
  // zsh has its completions after compinit, as the comment above the line says.
  const script =
    (isEndless ? "exec " : shell === "zsh" ? "autoload -U compinit; compinit -u; " : "") + line;
  const running = spawn(shell, ["-c", script], { cwd: dir, env, stdin: undefined });
  if (isEndless) {
    await running.said(/\n/);
    running.kill("SIGINT");
  }
  const { code, stderr } = await running.ended;
  assert(code === 0 || (isEndless && code === 130), `${line}: ${code} ${stderr}`);
}

async function withShim(work: (fixture: ProgramFixture) => Promise<void>): Promise<void> {
  await withProgram({}, async (fixture) => {
    await Deno.mkdir(`${fixture.dir}/bin`);
    await Deno.mkdir(`${fixture.dir}/.config/fish/completions`, { recursive: true });
    // Only the shell gets another home: Deno has its cache in the real one.
    const home = `HOME='${Deno.env.get("HOME")}' `;
    const words = [program, ...flags].map((word) => `'${word}'`).join(" ");
    await Deno.writeTextFile(
      `${fixture.dir}/bin/routes`,
      `#!/bin/sh\n${home}exec ${words} "$@"\n`,
      {
        mode: 0o755,
      },
    );
    await work(fixture);
  });
}

for (const verb of verbs) {
  Deno.test({
    name: `the examples in the help on ${verb} run as printed`,
    ignore: !isUnix,
    fn: () =>
      withShim(async (fixture) => {
        assertEquals((await fixture.routes(["produce", "-n", "20"])).code, 0);
        if (verb === "consume") {
          // What the original program has read.
          const { admin, topic } = fixture;
          const partitions = [{ partition: 0, offset: "5" }];
          await admin.setOffsets({ groupId: "demo-group", topic, partitions });
        } else assertEquals((await fixture.routes(["consume"])).code, 0);
        const examples = examplesIn(help(verb as Verb));
        // A hand-over begins before the first record is read; settings are written over at the end.
        const late = (line: string) =>
          line.includes("host_settings.ini") ? 1 : line.includes("group:") ? -1 : 0;
        for (const line of examples.toSorted((a, b) => late(a) - late(b))) await run(fixture, line);
      }),
  });
}

for (const topic of [null, "formats"]) {
  Deno.test({
    name: `the examples in the help on ${topic ?? "all"} run as printed`,
    ignore: !isUnix,
    fn: () =>
      withShim(async (fixture) => {
        assertEquals((await fixture.routes(["produce", "-n", "20"])).code, 0);
        assertEquals((await fixture.routes(["consume"])).code, 0);
        const examples = examplesIn(help(topic)).filter((line) =>
          !line.includes("host_settings.ini")
        );
        assert(examples.length >= 3);
        for (const line of examples) await run(fixture, line);
      }),
  });
}
