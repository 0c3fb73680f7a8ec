import { assert, assertEquals, assertMatch } from "@std/assert";
import { EXIT } from "../../src/errors.ts";
import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { quietEnv, spawn, withProgram } from "../support/program.ts";

// The systemd unit and the container in README.

const readme = Deno.readTextFileSync(`${import.meta.dirname}/../../README.md`);
const [program, flags] = programCommand(await importFlags(() => {}));
const isRequired = Deno.env.has("CI");

function block(language: string): string {
  return new RegExp("```" + language + "\\n(.*?)```", "s").exec(readme)![1]!;
}

/** A directive of the unit. */
function directive(name: string): string {
  return new RegExp(`^${name}=(.*)$`, "m").exec(block("systemd"))![1]!;
}

async function run(command: string, args: string[]): Promise<{ success: boolean; text: string }> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { success, text: decode(stdout) + decode(stderr) };
}

const has = async (command: string, flag: string) =>
  Deno.build.os === "linux" && await run(command, [flag]).then(() => true, () => false);
const hasSystemd = await has("systemd-analyze", "--version");
const hasStrace = await has("strace", "-V");

Deno.test("systemd restarts the service only after temporary failures", () => {
  const { bug, unavailable, temporary, ok, ...permanent } = EXIT;
  assertEquals(directive("Restart"), "on-failure");
  assertEquals(
    directive("RestartPreventExitStatus").split(" ").map(Number),
    Object.values(permanent),
  );
  assert([bug, unavailable, temporary].every((code) => code > ok));
  // The program exits at the latest ten seconds after the first signal.
  assertEquals(directive("SuccessExitStatus"), "143");
  assert(Number(directive("TimeoutStopSec")) > 10);
});

Deno.test({
  name: "systemd accepts the unit of README and rates its exposure as low (needs systemd)",
  ignore: !hasSystemd && !isRequired,
  fn: async () => {
    const dir = await Deno.makeTempDir({ prefix: "routes-unit-" });
    const unit = `${dir}/routes-consume.service`;
    try {
      // It also checks that the program exists.
      await Deno.writeTextFile(unit, block("systemd").replace("/usr/local/bin/routes", program));
      const verified = await run("systemd-analyze", ["verify", unit]);
      assertEquals(verified, { success: true, text: "" });
      // 0 is best, 100 is worst; a unit without hardening has 96.
      const rate = ["security", "--offline=yes", "--threshold=20", "--no-pager", unit];
      const rated = await run("systemd-analyze", rate);
      assert(rated.success, rated.text);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test({
  name: "the unit allows every system call of a run (needs systemd and strace)",
  ignore: !(hasSystemd && hasStrace) && !isRequired,
  fn: () =>
    withProgram({}, async (fixture) => {
      const trace = await Deno.makeTempFile({ prefix: "routes-trace-" });
      const groups = directive("SystemCallFilter").split(" ");
      const allowed = new Set((await Promise.all(groups.map(members))).flat());
      try {
        const watch = ["-f", "-qq", "-o", trace, program, ...flags];
        for (const line of ["produce --count 100", "consume", "query --all"]) {
          const options = { cwd: fixture.dir, env: quietEnv(), stdin: undefined };
          const { code, stderr } = await spawn("strace", [...watch, ...line.split(" ")], options)
            .ended;
          assertEquals(code, 0, `${line}: ${stderr}`);
          const calls = (await Deno.readTextFile(trace)).matchAll(/^\d+ +(\w+)\(/gm);
          const used = new Set([...calls].map(([, name]) => name!));
          assertEquals([...used].filter((name) => !allowed.has(name)), [], line);
        }
      } finally {
        await Deno.remove(trace);
      }
    }),
});

/** The system calls of one of systemd's groups, with those of nested groups. */
async function members(group: string): Promise<string[]> {
  const { text } = await run("systemd-analyze", ["--no-pager", "syscall-filter", group]);
  const names = text.split("\n").slice(1).map((line) => line.trim())
    .filter((name) => /^@?\w/.test(name));
  const found = names.map((name) => name.startsWith("@") ? members(name) : [name]);
  return (await Promise.all(found)).flat();
}

Deno.test("the image contains only the program", () => {
  const lines = block("dockerfile").trim().split("\n");
  assertEquals(lines.map((line) => line.split(" ")[0]), ["FROM", "COPY", "ENTRYPOINT", "CMD"]);
  assertMatch(lines[0]!, /^FROM gcr\.io\/distroless\/cc-debian\d+:nonroot$/);
  const started = lines.slice(2).flatMap((line) => JSON.parse(line.replace(/^\w+ /, "")));
  assertEquals(started.join(" "), directive("ExecStart"));
});

Deno.test({
  name: "the binary runs with only the files of the image (needs root)",
  // The image contains the binary, so it needs ROUTES_BIN.
  ignore: Deno.build.os !== "linux" || Deno.uid() !== 0 || !Deno.env.has("ROUTES_BIN"),
  fn: () =>
    withProgram({}, async (fixture) => {
      const root = await Deno.makeTempDir({ prefix: "routes-root-" });
      const copy = async (from: string, to: string) => {
        await Deno.mkdir(`${root}${to}`.replace(/[^/]*$/, ""), { recursive: true });
        await Deno.copyFile(from, root + to);
      };
      try {
        await copy(program, "/usr/local/bin/routes");
        await copy(`${fixture.dir}/host_settings.ini`, "/etc/routes/host_settings.ini");
        const libraries = (await run("ldd", [program])).text.matchAll(
          /(\/lib\S+\/([\w-]+)\.so\S*)/g,
        );
        // The libraries of distroless/cc: the C library and the runtime of the compiler.
        const known = [
          "libc",
          "libdl",
          "libm",
          "libpthread",
          "librt",
          "libgcc_s",
          "ld-linux-x86-64",
        ];
        for (const [, path, name] of libraries) {
          assert([...known, "ld-linux-aarch64"].includes(name!), `${name} is not in the image`);
          await copy(path!, path!);
        }
        await Deno.chmod(root, 0o755);
        await Deno.mkdir(`${root}/proc`);
        const within =
          'mount --bind /proc "$0/proc" && exec chroot --userspec=65532:65532 "$0" "$@"';
        const { code, stdout, stderr } = await spawn(
          "unshare",
          ["--mount", "sh", "-c", within, root, "/usr/local/bin/routes", "check"],
          { cwd: "/", env: { PATH: Deno.env.get("PATH")! }, stdin: undefined },
        ).ended;
        assertEquals(code, 0, stdout + stderr);
        assertMatch(stdout, /settings file "\/etc\/routes\/host_settings.ini"/);
      } finally {
        await Deno.remove(root, { recursive: true });
      }
    }),
});
