// `deno task archives`. No remote imports: see task.ts.

import { MAN_PAGE, SBOM, sha256, TARGETS } from "./build.ts";
import { version } from "../../src/version.ts";

const ROOT = `${import.meta.dirname}/../..`;

type Say = (line: string) => void;

/** Packs what `deno task build:all` left in dist/ into dist/archives/, as a release has it; returns an exit code. */
export async function archives(
  _args: string[],
  say: Say,
  dist = `${ROOT}/dist`,
): Promise<number> {
  const sums = (await Deno.readTextFile(`${dist}/SHA256SUMS`)).trimEnd().split("\n");
  for (const [sum, file] of sums.map((line) => line.split("  ") as [string, string])) {
    if (await sha256(`${dist}/${file}`) !== sum) {
      say(`dist/${file} is not what SHA256SUMS says`);
      return 1;
    }
  }
  const into = `${dist}/archives`;
  await Deno.remove(into, { recursive: true }).catch(() => {});
  await Deno.mkdir(into);
  const made: string[] = [];
  for (const target of TARGETS) {
    const isWindows = target.includes("windows");
    const program = `routes-${target}${isWindows ? ".exe" : ""}`;
    if (!sums.some((line) => line.endsWith(`  ${program}`))) continue;
    made.push(...await pack(target, { program: `${dist}/${program}`, isWindows, dist }));
  }
  await Deno.copyFile(`${dist}/${SBOM}`, `${into}/routes-${version}.cdx.json`);
  made.push(`routes-${version}.cdx.json`);
  const lines = await Promise.all(
    made.map(async (file) => `${await sha256(`${into}/${file}`)}  ${file}\n`),
  );
  await Deno.writeTextFile(`${into}/SHA256SUMS`, lines.join(""));
  for (const file of made) {
    say(`${file}: ${((await Deno.stat(`${into}/${file}`)).size / 1e6).toFixed(1)} MB`);
  }
  return 0;
}

/** The archives of one platform: a folder with the program, README, licence and man page; returns their names. */
async function pack(
  target: string,
  { program, isWindows, dist }: { program: string; isWindows: boolean; dist: string },
): Promise<string[]> {
  const name = `routes-${version}-${target}`;
  const into = `${dist}/archives`;
  const folder = `${into}/${name}`;
  await Deno.mkdir(folder);
  for (const file of [`${ROOT}/README.md`, `${ROOT}/LICENSE`, `${dist}/${MAN_PAGE}`]) {
    await Deno.copyFile(file, `${folder}/${file.replace(/^.*\//, "")}`);
    await Deno.chmod(`${folder}/${file.replace(/^.*\//, "")}`, 0o644);
  }
  const inside = `${folder}/routes${isWindows ? ".exe" : ""}`;
  await Deno.copyFile(program, inside);
  await Deno.chmod(inside, 0o755);
  // xz is a third smaller, gz can be unpacked everywhere.
  const kinds = isWindows ? [["zip", "-qr"]] : [["tar", "-czf"], ["tar", "-cJf"]];
  const files: string[] = [];
  for (const [command, how] of kinds as [string, string][]) {
    const ending = { "-qr": "zip", "-czf": "tar.gz", "-cJf": "tar.xz" }[how];
    const file = `${name}.${ending}`;
    const owner = command === "tar" ? ["--owner=0", "--group=0"] : [];
    const args = [how, file, ...owner, name];
    const env = { XZ_OPT: "-T0" };
    const { success } = await new Deno.Command(command, { args, cwd: into, env }).spawn().status;
    if (!success) throw new Error(`${command} failed`);
    files.push(file);
  }
  await Deno.remove(folder, { recursive: true });
  return files;
}
