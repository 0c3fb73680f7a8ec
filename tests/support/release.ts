// `deno task release` and `deno task notes`. No remote imports: see task.ts.

import { version } from "../../src/version.ts";
import { archives } from "./archives.ts";
import { buildAll } from "./build.ts";

const ROOT = `${import.meta.dirname}/../..`;

/** The headings of the release notes, by the type of a commit; commits of other types change nothing for users. */
const HEADINGS: Record<string, string> = { feat: "New", fix: "Fixed", perf: "Faster" };

/** The release notes in Markdown, from titles such as `fix(consume): what`, newest first. */
export function notesOf(titles: string[]): string {
  const parsed = titles.map((title) => /^(\w+)(?:\(([^)]*)\))?!?: (.*)$/.exec(title)).reverse();
  const sections = Object.entries(HEADINGS).flatMap(([type, heading]) => {
    const lines = parsed.filter((match) => match?.[1] === type)
      .map((match) => `- ${match![2] ? `**${match![2]}**: ` : ""}${match![3]}`);
    return lines.length > 0 ? [`## ${heading}\n\n${lines.join("\n")}\n`] : [];
  });
  return sections.join("\n");
}

type Say = (line: string) => void;

/** Prints the notes since the last tag. */
export async function notes(_args: string[], _say: Say): Promise<number> {
  Deno.stdout.writeSync(new TextEncoder().encode(await notesSinceTag()));
  return 0;
}

async function notesSinceTag(): Promise<string> {
  const tag = await git(["describe", "--tags", "--abbrev=0"]).catch(() => null);
  const range = tag ? [`${tag.trim()}..HEAD`] : [];
  const titles = (await git(["log", "--format=%s", ...range])).trim().split("\n");
  return notesOf(titles);
}

/**
 * Checks that the version can be released, runs the gate, and prints the commands that release it. With --dry-run it makes
 * the files of the release instead of running the gate: those of the platforms that can be built here.
 */
export async function release(args: string[], say: Say): Promise<number> {
  const isDryRun = args.includes("--dry-run");
  const [wanted] = args.filter((arg) => !arg.startsWith("--"));
  const faults = [
    wanted === version
      ? ""
      : `the version is ${version}, not ${
        wanted ?? "given"
      }: it is set in src/version.ts and named in README.md`,
    await git(["status", "--porcelain"]) === "" ? "" : "there are changes that are not committed",
    (await git(["tag", "--list", `v${wanted}`])) === ""
      ? ""
      : `the tag v${wanted} is there already`,
  ].filter(Boolean);
  for (const fault of faults) say(fault);
  if (faults.length > 0) return 1;
  if (isDryRun) {
    await buildAll([], say);
    const code = await archives([], say);
    await Deno.writeTextFile(`${ROOT}/dist/archives/NOTES.md`, await notesSinceTag());
    say("dist/archives has the files of the release, and NOTES.md the text of its tag");
    return code;
  }
  say("running .ci/run, which takes about 20 minutes");
  const gate = await new Deno.Command(`${ROOT}/.ci/run`, { cwd: ROOT }).spawn().status;
  if (!gate.success) return 1;
  const tag = `git tag -a v${wanted} -m "$(deno task --quiet notes)"`;
  Deno.stdout.writeSync(new TextEncoder().encode(`${tag}\ngit push origin v${wanted}\n`));
  return 0;
}

async function git(args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: ROOT }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}
