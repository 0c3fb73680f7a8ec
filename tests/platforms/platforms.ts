// How to run a program for another platform on this machine.

import { cacheDir, once } from "../support/child.ts";
import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { quietEnv } from "../support/program.ts";

/** A program that can be started here. */
export interface Platform {
  name: string;
  /** The command, its first arguments, and its environment. */
  command: string;
  args: string[];
  env: Record<string, string>;
  close(): Promise<void>;
}

/** Why a platform is left out, for people. */
export class Skipped extends Error {}

const ROOT = `${import.meta.dirname}/../..`;
const NOTHING = () => Promise.resolve();

/** The sources with the Deno that runs this, to compare with. */
export async function sources(): Promise<Platform> {
  const [command, args] = programCommand(await importFlags(() => {}));
  return { name: "sources", command, args, env: quietEnv(), close: NOTHING };
}

/** A program for this machine. */
export function native(program: string): Platform {
  return { name: Deno.build.target, command: program, args: [], env: quietEnv(), close: NOTHING };
}

type Open = (program: string) => Promise<Platform>;

/** The platforms that another one can imitate, by target. */
export const IMITATED: Record<string, Open> = {
  "aarch64-unknown-linux-gnu": qemu,
  "x86_64-pc-windows-msvc": wine,
};

async function qemu(program: string): Promise<Platform> {
  const [name, command] = ["aarch64-unknown-linux-gnu", "qemu-aarch64-static"];
  await install(["qemu-user-static", "libc6-arm64-cross", "libgcc-s1-arm64-cross"], [
    command,
    "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
  ]);
  const env = { ...quietEnv(), QEMU_LD_PREFIX: "/usr/aarch64-linux-gnu" };
  return { name, command, args: [program], env, close: NOTHING };
}

/** The first Debian whose wine starts Deno. */
const SUITE = "trixie";

/** Mounts end with the process that made them. */
const ENTER = `for each in proc dev tmp; do mount --rbind "/$each" "$0/$each" || exit; done
exec chroot "$0" /bin/sh -c 'cd "$0" && exec /usr/lib/wine/wine64 "$@"' "$@"`;

async function wine(program: string): Promise<Platform> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) throw new Skipped("wine needs root on Linux");
  await install(["mmdebstrap"], ["mmdebstrap"]);
  const mirror = await debianMirror();
  const root = await once(`${cacheDir()}/wine-${SUITE}`, async (draft) => {
    const args = ["--quiet", "--variant=essential", "--include=wine64", SUITE, draft, mirror];
    await run("mmdebstrap", args, `wine of ${SUITE}`);
  });
  // Only /tmp is the same inside.
  const home = await Deno.makeTempDir({ dir: "/tmp", prefix: "routes-wine-" });
  await Deno.copyFile(program, `${home}/routes.exe`);
  const env = {
    PATH: Deno.env.get("PATH")!,
    HOME: home,
    WINEPREFIX: `${home}/prefix`,
    // Of mode 700, as that of makeTempDir().
    XDG_RUNTIME_DIR: home,
    WINEDEBUG: "-all",
    LANG: "C.UTF-8",
    NO_COLOR: "1",
  };
  const enter = ["--mount", "sh", "-c", ENTER, root];
  // What Windows itself consists of starts with the first program, keeps its streams open, and ends with the last one.
  const keeper = new Deno.Command("unshare", {
    args: [...enter, home, "cmd", "/c", "echo ready& set /p line="],
    env,
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = keeper.stdout.getReader();
  if ((await output.read()).done) throw new Skipped("wine does not start");
  return {
    name: "x86_64-pc-windows-msvc",
    command: "unshare",
    args: [...enter, Deno.cwd(), `${home}/routes.exe`],
    env,
    close: async () => {
      await keeper.stdin.close();
      await output.cancel();
      await keeper.status;
      await Deno.remove(home, { recursive: true });
    },
  };
}

/** Where this machine's own packages come from. */
async function debianMirror(): Promise<string> {
  const format = ["--format", "$(REPO_URI)", "Created-By: Packages", "Origin: Debian"];
  const { stdout } = await new Deno.Command("apt-get", { args: ["indextargets", ...format] })
    .output();
  const addresses = new TextDecoder().decode(stdout).split("\n");
  const found = addresses.find((address) => address && !address.includes("security"));
  if (!found) throw new Skipped("this machine gets no packages from Debian");
  return found;
}

/** Installs packages with apt unless these programs or files are there. */
async function install(packages: string[], needed: string[]): Promise<void> {
  const args = ["-c", 'for each; do command -v "$each" || test -e "$each" || exit; done', "sh"];
  const isThere = async () =>
    (await new Deno.Command("sh", { args: [...args, ...needed], stdout: "null" }).output()).success;
  if (Deno.build.os !== "linux") throw new Skipped("only Linux can imitate it");
  if (await isThere()) return;
  const names = packages.join(" ");
  if (Deno.uid() !== 0) throw new Skipped(`install ${names}`);
  const lock = ["-o", "DPkg::Lock::Timeout=120"];
  await run("apt-get", [...lock, "install", "-qqy", "--no-install-recommends", ...packages], names);
  if (!await isThere()) throw new Skipped(`${names} cannot be installed`);
}

async function run(command: string, args: string[], what: string): Promise<void> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const ended = await new Deno.Command(command, { args, env, stdin: "null" }).output()
    .catch(() => null);
  if (ended?.success) return;
  const reason = ended ? new TextDecoder().decode(ended.stderr).trim().split("\n").at(-1) : "";
  throw new Skipped(`${what} cannot be installed: ${reason}`);
}

/** The program for a target: one that was built before into that folder, otherwise a new one in `dir`. */
export async function programFor(
  target: string,
  { built, dir }: { built: string | null; dir: string },
): Promise<string> {
  const file = `routes-${target}${target.includes("windows") ? ".exe" : ""}`;
  if (built) return await Deno.realPath(`${built}/${file}`);
  // Where Deno's own runtimes cannot be downloaded, this has others, for an older compiler (see .ci/run).
  const denort = `${ROOT}/../shared/tools/denort`;
  const hasOthers = await Deno.stat(denort).then(() => true, () => false);
  const output = `${dir}/${file}`;
  const args = ["task", "build", "--target", target, "--output", output];
  const command = hasOthers
    ? new Deno.Command("npx", {
      args: ["-y", "deno@2.7.14", ...args],
      env: { DENORT_BIN: await denortFor(denort, target) },
      cwd: ROOT,
      stdout: "null",
    })
    : new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "null" });
  const { success, stderr } = await command.output();
  const text = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
  if (!success) throw new Skipped(`not built: ${text}`);
  return output;
}

async function denortFor(denort: string, target: string): Promise<string> {
  const { success, stdout } = await new Deno.Command(denort, { args: [target] }).output();
  if (!success) throw new Skipped(`no runtime for ${target}`);
  return new TextDecoder().decode(stdout).trim();
}
