import { assert, assertEquals, assertMatch } from "@std/assert";
import { libraries, version } from "../src/version.ts";
import { archives } from "./support/archives.ts";
import { runChild } from "./support/child.ts";
import { MAN_PAGE, SBOM, sha256, TARGETS } from "./support/build.ts";
import { importFlags } from "./support/imports.ts";
import { notesOf } from "./support/release.ts";
import { sbom } from "./support/sbom.ts";
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
  // The services of the tests come from npm and Maven, whose packages have checksums: there is no image to pin.
  assert(!workflows.join("").includes("image:"));
  const [kafka] = /(?<=kafka_2.13<\/artifactId>\s*<version>)[^<]+/.exec(
    read("tests/support/kafka_pom.xml"),
  )!;
  assert(read("tests/support/versions.ts").includes(`"${kafka}"`));
  assert(ci!.includes("deno task versions"));
  const [, deno] = /deno@([\d.]+) "\$@"/.exec(read(".ci/run"))!;
  const used = [...workflows.join("").matchAll(/deno-version: (.*)/g)].map(([, it]) => it);
  assertEquals([...new Set(used)], [deno]);
  const smoked = [...release!.matchAll(/target: ([\w-]+)/g)].map(([, it]) => it!);
  assertEquals(smoked.sort(), [...TARGETS].sort());
});

Deno.test("each archive of a release has the program, README, licence and man page, and its sum is right", async () => {
  const dist = await Deno.makeTempDir({ prefix: "routes-dist-" });
  try {
    const files = [
      ...TARGETS.map((target) => `routes-${target}${target.includes("windows") ? ".exe" : ""}`),
      MAN_PAGE,
      SBOM,
    ];
    const sums = await Promise.all(files.map(async (file) => {
      await Deno.writeTextFile(`${dist}/${file}`, `the text of ${file}`);
      return `${await sha256(`${dist}/${file}`)}  ${file}\n`;
    }));
    await Deno.writeTextFile(`${dist}/SHA256SUMS`, sums.join(""));
    assertEquals(await archives([], () => {}, dist), 0);
    const into = `${dist}/archives`;
    const text = (await Deno.readTextFile(`${into}/SHA256SUMS`)).trimEnd();
    const named = text.split("\n").map((line) => line.split("  ")[1]!);
    const made = [...Deno.readDirSync(into)].map(({ name }) => name);
    assertEquals(made.sort(), [...named, "SHA256SUMS"].sort());
    await runChild("sha256sum", {
      args: ["--check", "--strict", "SHA256SUMS"],
      cwd: into,
      name: "sha256sum",
    });
    for (const target of TARGETS) {
      const folder = `routes-${version}-${target}`;
      const isWindows = target.includes("windows");
      const program = isWindows ? "routes.exe" : "routes";
      for (const ending of isWindows ? ["zip"] : ["tar.gz", "tar.xz"]) {
        const archive = `${folder}.${ending}`;
        const [command, args] = isWindows ? ["unzip", ["-qo"]] : ["tar", ["-xf"]];
        await runChild(command as string, {
          args: [...args as string[], archive],
          cwd: into,
          name: archive,
        });
        const inside = [...Deno.readDirSync(`${into}/${folder}`)].map(({ name }) => name);
        assertEquals(inside.sort(), ["LICENSE", "README.md", program, MAN_PAGE].sort());
        assertEquals(
          await Deno.readTextFile(`${into}/${folder}/${program}`),
          `the text of routes-${target}${isWindows ? ".exe" : ""}`,
        );
        assertEquals((await Deno.stat(`${into}/${folder}/${program}`)).mode! & 0o777, 0o755);
        await Deno.remove(`${into}/${folder}`, { recursive: true });
      }
    }
    // What was changed after it was built is not packed.
    await Deno.writeTextFile(`${dist}/${files[0]}`, "another");
    assertEquals(await archives([], () => {}, dist), 1);
  } finally {
    await Deno.remove(dist, { recursive: true });
  }
  assertMatch(workflows[1]!, /- run: deno task archives\n/);
});

Deno.test("the SBOM names each library of the program, with its hash, and no library of the tests", () => {
  const { specVersion, metadata, components } = JSON.parse(sbom(version));
  assertEquals([specVersion, metadata.component.version], ["1.6", version]);
  const names = components.map(({ name }: { name: string }) => name);
  assertEquals(names, [...Object.keys(libraries), "deno"]);
  for (const { type, name, version, hashes, purl } of components) {
    if (type === "library") assertEquals(libraries[name as keyof typeof libraries], version);
    assertMatch(purl, /^pkg:\w+\/[^@]+@v?\d+\.\d+\.\d+$/);
    if (type === "library") assertMatch(hashes[0].content, /^([0-9a-f]{64}|[0-9a-f]{128})$/);
  }
});

Deno.test("a release is built with what deno.lock names, or not at all", () => {
  assertMatch(workflows[1]!, /^ {6}ROUTES_RELEASE: "1"/m);
  assertEquals(
    workflows[1]!.match(/deno test .*/g)?.every((run) => run.includes("--frozen")),
    true,
  );
});

Deno.test("a release is not built with a runtime that does not keep the promises of TLS", () => {
  const [, build, smoke] = /^ {2}build:\n(.*)^ {2}smoke:\n(.*)^ {2}publish:\n/ms.exec(
    workflows[1]!,
  )!;
  const tried =
    /- run: deno test -A --frozen tests\/tls\/runtime_test.ts\n +env:\n +ROUTES_BIN: (.*)/;
  assertMatch(tried.exec(build!)![1]!, /\/dist\/routes-x86_64-unknown-linux-gnu$/);
  assertMatch(build!, /ROUTES_RELEASE: "1"/);
  // Programs for other systems warn by themselves, in a second line.
  assertMatch(smoke!, /test "\$\(wc -l < version\)" -eq 1/);
});

Deno.test("release notes come from the titles of commits, by type, oldest first", () => {
  const titles = ["docs: words", "fix(query): c", "feat: b", "feat(consume): a", "Merge x"];
  assertEquals(notesOf(titles), "## New\n\n- **consume**: a\n- b\n\n## Fixed\n\n- **query**: c\n");
});
