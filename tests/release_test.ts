import { assert, assertEquals, assertMatch } from "@std/assert";
import { version } from "../src/version.ts";
import { MAN_PAGE, TARGETS } from "./support/build.ts";
import { importFlags } from "./support/imports.ts";
import { programCommand } from "./support/permissions.ts";

const ROOT = `${import.meta.dirname}/..`;
const read = (path: string) => Deno.readTextFileSync(`${ROOT}/${path}`);
const workflows = ["ci", "release"].map((name) => read(`.github/workflows/${name}.yml`));

async function output(command: string, args: string[]): Promise<string> {
  const { stdout } = await new Deno.Command(command, { args, cwd: ROOT, stderr: "inherit" })
    .output();
  return new TextDecoder().decode(stdout);
}

Deno.test("the tag, --version and README agree with src/version.ts", async () => {
  assertMatch(version, /^\d+\.\d+\.\d+$/);
  const [program, flags] = programCommand(await importFlags(() => {}));
  const told = await output(program, [...flags, "--version"]);
  assert(told.startsWith(`routes ${version} (deno `), told);
  const named = [...read("README.md").matchAll(/routes-(\d+\.\d+\.\d+)/g)].map(([, it]) => it);
  assertEquals([...new Set(named)], [version]);
  assert(!("version" in JSON.parse(read("deno.json"))), "deno.json has a version of its own");
  const { GITHUB_REF_TYPE: kind, GITHUB_REF_NAME: name } = Deno.env.toObject();
  // Without git there is no tag to disagree.
  const tags = await output("git", ["tag", "--points-at", "HEAD"]).catch(() => "");
  const releases = [...tags.split("\n"), kind === "tag" ? name! : ""]
    .filter((tag) => tag.startsWith("v"));
  assertEquals([...new Set(releases)], releases.length > 0 ? [`v${version}`] : []);
});

Deno.test("workflows run actions at fixed commits, with no right that they do not need", () => {
  const pins = workflows.join("").matchAll(/uses: (.*)/g);
  const commits = new Map<string, string>();
  for (const [, pin] of pins) {
    const pinned = /^((?:actions|denoland)\/[\w-]+)@([0-9a-f]{40}) # v\d+\.\d+\.\d+$/;
    assertMatch(pin!, pinned);
    const [, action = "", commit = ""] = pinned.exec(pin!)!;
    assertEquals(commits.get(action) ?? commit, commit, `${action} at two commits`);
    commits.set(action, commit);
  }
  assert(commits.size > 0);
  for (const text of workflows) assertMatch(text, /^permissions:\n {2}contents: read\n\n/m);
  const jobs = workflows.join("").split(/^ {2}(?=\w+:\n)/m);
  const mayWrite = jobs.filter((job) => /: write/.test(job)).map((job) => job.split(":")[0]);
  assertEquals(mayWrite, ["publish"]);
});

Deno.test("workflows use the versions and targets of the project", () => {
  const [ci, release] = workflows;
  const kafka = /kafka_2.13<\/artifactId>\s*<version>([^<]+)</.exec(
    read("tests/support/kafka_pom.xml"),
  );
  assert(ci!.includes(`image: apache/kafka:${kafka![1]}\n`));
  const [, deno] = /deno@([\d.]+) "\$@"/.exec(read(".ci/run"))!;
  const used = [...workflows.join("").matchAll(/deno-version: (.*)/g)].map(([, it]) => it);
  assertEquals([...new Set(used)], [deno]);
  const smoked = [...release!.matchAll(/target: ([\w-]+)/g)].map(([, it]) => it!);
  assertEquals(smoked.sort(), [...TARGETS].sort());
});

Deno.test("each archive of a release has README, licence and man page", () => {
  const [, release] = workflows;
  assert(release!.includes(`cp README.md LICENSE dist/${MAN_PAGE} "$folder"\n`));
});
