// `deno task build` and `deno task build:all`. No remote imports: see task.ts.

import { importFlags, isRelease } from "./imports.ts";
import { manPage } from "./man_page.ts";
import { permissionFlags } from "./permissions.ts";
import { sbom } from "./sbom.ts";
import { version } from "../../src/version.ts";

const ROOT = `${import.meta.dirname}/../..`;
const ENTRY = "src/main.ts";

/** The supported platforms, by Deno's names. */
export const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/** The name of the man page in dist/ and in the archives. */
export const MAN_PAGE = "routes.1";
/** The list of what is in the program, beside the archives. */
export const SBOM = "routes.cdx.json";

/** Files of npm packages for people, other bundlers and other runtimes; licences are kept. */
const UNUSED = /^(cf|cjs|types)\/|\.d\.[cm]?ts$|\.min\.[cm]?js$|\.cjs$|(?<!LICENSE)\.md$/;

type Say = (line: string) => void;

/** Compiles ./routes for this machine, or with other arguments of `deno compile`; returns an exit code. */
export async function build(args: string[], say: Say): Promise<number> {
  const file = Deno.build.os === "windows" ? "routes.exe" : "routes";
  const where = args.length > 0 ? args : ["--output", file];
  const reason = await failureOf(compile(where, await importFlags(say)));
  if (reason !== null) say(`not built: ${reason}`);
  else if (args.length === 0) say(`${file}: ${megabytes(`${ROOT}/${file}`)}`);
  return reason === null ? 0 : 1;
}

/** Compiles every target into dist/, and writes the man page, the SBOM and SHA256SUMS; fails if a target cannot be built. */
export async function buildAll(_args: string[], say: Say): Promise<number> {
  const dist = `${ROOT}/dist`;
  await Deno.remove(dist, { recursive: true }).catch(() => {});
  await Deno.mkdir(dist);
  const imports = await importFlags(say);
  const sums: string[] = [];
  for (const target of TARGETS) {
    const file = `routes-${target}${target.includes("windows") ? ".exe" : ""}`;
    // DENORT_BIN is a runtime for this machine.
    const reason = Deno.env.has("DENORT_BIN") && target !== Deno.build.target
      ? "DENORT_BIN is a runtime for this machine only"
      : await failureOf(compile(["--target", target, "--output", `dist/${file}`], imports));
    if (reason !== null) say(`${target}: not built: ${reason}`);
    else {
      sums.push(`${await sha256(`${dist}/${file}`)}  ${file}\n`);
      say(`${target}: dist/${file}, ${megabytes(`${dist}/${file}`)}`);
    }
  }
  const isComplete = sums.length === TARGETS.length;
  for (const [file, text] of [[MAN_PAGE, manPage()], [SBOM, sbom(version)]] as const) {
    await Deno.writeTextFile(`${dist}/${file}`, text);
    sums.push(`${await sha256(`${dist}/${file}`)}  ${file}\n`);
  }
  await Deno.writeTextFile(`${dist}/SHA256SUMS`, sums.join(""));
  return isComplete ? 0 : 1;
}

async function compile(args: string[], imports: string[]): Promise<Deno.CommandOutput> {
  const [major, minor] = Deno.version.deno.split(".").map(Number);
  const older = major === 2 && minor! < 8 ? ["--unstable-raw-imports"] : [];
  // Not --bundle --minify, which saves 4 MB and 8 ms of produce: --help takes 10 ms more, a stack has no readable name, and
  // isThrownIn() cannot tell whose code threw.
  // The code cache would be a file in the temporary folder, and saves no measurable time.
  const frozen = isRelease() ? ["--frozen"] : [];
  const flags = ["--quiet", "--no-check", "--no-code-cache", ...frozen, ...older];
  return await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      ...flags,
      ...permissionFlags(args.some((arg) => arg.includes("windows"))),
      ...imports,
      ...await unused(imports),
      ...args,
      ENTRY,
    ],
    cwd: ROOT,
  }).output();
}

/** The reason in one line; null if it succeeded. */
async function failureOf(work: Promise<Deno.CommandOutput>): Promise<string | null> {
  const { success, stderr } = await work;
  if (success) return null;
  // deno-lint-ignore no-control-regex
  const text = new TextDecoder().decode(stderr).replace(/\x1b\[[0-9;]*m/g, "");
  const [, url] = /request for url \((\S+)\)/.exec(text) ?? [];
  if (url) return `cannot download ${url}; DENORT_BIN may name a runtime that is here`;
  return /^error: (.*)$/m.exec(text)?.[1] ?? `deno compile says ${text.trim().split("\n")[0]}`;
}

/** Flags that exclude files of npm packages which the program never loads. */
async function unused(imports: string[]): Promise<string[]> {
  const [{ npmCache }, { npmPackages }] = await Promise.all([info([]), info([...imports, ENTRY])]);
  const folders = [...Deno.readDirSync(npmCache)].flatMap((registry) =>
    Object.values(npmPackages).map((it) => `${npmCache}/${registry.name}/${it.name}/${it.version}`)
  );
  return folders.filter(exists).flatMap((folder) =>
    list(folder).filter((file) => UNUSED.test(file))
      .flatMap((file) => ["--exclude", `${folder}/${file}`])
  );
}

async function info(args: string[]): Promise<{
  npmCache: string;
  npmPackages: Record<string, { name: string; version: string }>;
}> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...args],
    cwd: ROOT,
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function exists(folder: string): boolean {
  try {
    return Deno.statSync(folder).isDirectory;
  } catch {
    return false;
  }
}

function list(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(`${folder}/${below}`)].flatMap(({ name, isDirectory }) =>
    isDirectory ? list(folder, `${below}${name}/`) : [`${below}${name}`]
  );
}

/** The SHA-256 of a file, in hexadecimal. */
export async function sha256(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(digest).toHex();
}

function megabytes(path: string): string {
  return `${(Deno.statSync(path).size / 1e6).toFixed(1)} MB`;
}
