import { assert, assertEquals, assertMatch } from "@std/assert";
import { READ_PLACES } from "../../src/settings/read_access.ts";
import { importFlags } from "../support/imports.ts";
import { permissionFlags, programCommand } from "../support/permissions.ts";
import { quietEnv, spawn, withProgram } from "../support/program.ts";

// The permissions of the program: of the binary ROUTES_BIN, otherwise of the sources with the same flags.

const ROOT = `${import.meta.dirname}/../..`;
const isLinux = Deno.build.os === "linux";
const [program, flags] = programCommand(await importFlags(() => {}));

/** Runs the program in an empty folder, without services. */
async function inEmptyFolder(
  work: (dir: string, run: (args: string[]) => ReturnType<typeof spawn>["ended"]) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "routes-empty-" });
  try {
    await work(dir, (args) => {
      const options = { cwd: dir, env: quietEnv(), stdin: undefined };
      return spawn(program, [...flags, ...args], options).ended;
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("deno.json grants network, places to read, variables and the user id, and nothing else", async () => {
  const { permissions } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  assertEquals(Object.keys(permissions), ["default"]);
  assertEquals(Object.keys(permissions.default), ["net", "read", "env", "sys"]);
  assertEquals(permissions.default.read, READ_PLACES);
  assertEquals(permissions.default.sys, ["uid"]);
  const granted = permissionFlags().map((flag) => flag.split("=")[0]);
  const known = [
    "--no-prompt",
    "--allow-net",
    "--allow-read",
    "--allow-env",
    "--ignore-env",
    "--allow-sys",
  ];
  assertEquals(granted, known);
});

Deno.test("a file in another place is refused with 77, and the error names the allowed places", () =>
  inEmptyFolder(async (dir, run) => {
    const elsewhere = await Deno.makeTempFile({ prefix: "routes-elsewhere-" });
    try {
      for (
        const args of [
          ["query", "--config", elsewhere],
          ["query", "--config", `${dir}/other.ini`],
          ["check", "--config", elsewhere],
          ["produce", "-X", `kafka.ssl_cafile=${elsewhere}`],
          ["query", "-X", "postgresql.sslmode=verify-full", "-X", "postgresql.sslkey=../my.key"],
        ]
      ) {
        const { code, stdout, stderr } = await run(args);
        assertEquals(code, 77, `${args.join(" ")}: ${stdout}${stderr}`);
        const text = stdout + stderr;
        assertMatch(text, /not permitted to read ".*(elsewhere|other\.ini|my\.key)/);
        const own = args.includes("--config") ? "host_settings.ini" : "ssl";
        for (const place of [own, "res", "/etc/routes"]) {
          assert(text.includes(place), `${place} is not named:\n${text}`);
        }
        assert(!/--allow|deno/.test(text), text);
      }
    } finally {
      await Deno.remove(elsewhere);
    }
  }));

Deno.test({
  name: "the program never asks for a permission, even on a terminal",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inEmptyFolder(async (dir) => {
      for (const path of ["/etc/passwd", `${dir}/other.ini`]) {
        // script takes a command line on Linux, and separate words on macOS.
        const words = [program, ...flags, "query", "--config", path];
        const line = words.map((word) => `'${word}'`).join(" ");
        const args = isLinux ? ["-qec", line, "/dev/null"] : ["-q", "/dev/null", ...words];
        const terminal = spawn("script", args, { cwd: dir, env: quietEnv(), stdin: undefined });
        // A question would wait for an answer.
        const limit = setTimeout(() => terminal.kill("SIGKILL"), 20_000);
        const { code, stdout } = await terminal.ended;
        clearTimeout(limit);
        assertMatch(stdout, /routes: not permitted to read/);
        assert(!/allow\?|\[y\/n/i.test(stdout), stdout);
        assertEquals(code, 77);
      }
    }),
});

Deno.test("after the start the program gives up its permission to read, except for certificates", () =>
  inEmptyFolder(async (dir) => {
    // The probe is a preloaded module, so this tests the sources only. The run ends because the port is closed.
    const probe = `${dir}/probe.ts`;
    await Deno.writeTextFile(
      probe,
      `addEventListener("unload", () => {
        const may = (path) => Deno.permissions.querySync({ name: "read", path }).state === "granted";
        console.log(JSON.stringify(${JSON.stringify(READ_PLACES)}.filter(may)));
      });`,
    );
    const config = ["--quiet", "--no-check", "--config", `${ROOT}/deno.json`];
    const imports = await importFlags(() => {});
    const readable = async (...args: string[]) => {
      const run = ["run", ...config, ...imports, ...permissionFlags(), "--preload", probe];
      const { stdout } = await spawn(
        Deno.execPath(),
        [...run, `${ROOT}/src/main.ts`, ...args],
        { cwd: dir, env: quietEnv(), stdin: undefined },
      ).ended;
      return JSON.parse(stdout.trim().split("\n").at(-1)!);
    };
    const closedPort = ["-X", "postgresql.port=1"];
    const ca = (path: string) => ["-X", "postgresql.sslmode=verify-ca", "-X", path];
    assertEquals(await readable("version"), READ_PLACES);
    assertEquals(await readable("query", ...closedPort), []);
    assertEquals(
      await readable("query", ...closedPort, ...ca("postgresql.sslrootcert=ssl/ca.pem")),
      ["ssl"],
    );
    assertEquals(
      await readable("query", ...closedPort, ...ca("postgresql.sslrootcert=/etc/routes/ca.pem")),
      ["/etc/routes"],
    );
  }));

/** Runs every command, from an empty database to a verified table; each must succeed. */
async function wholeRun(run: (args: string[]) => Promise<{ code: number; stderr: string }>) {
  for (
    const line of [
      "migrate",
      "produce --count 300 --invalid 5 --seed 7",
      "consume",
      "query --all --format ndjson",
      "check",
      "verify",
    ]
  ) {
    const { code, stderr } = await run(line.split(" "));
    assertEquals(code, 0, `${line}: ${stderr}`);
  }
}

Deno.test({
  name: "a whole run works if home, temporary folder and working folder are read-only",
  ignore: !isLinux,
  fn: () =>
    withProgram({ migrated: false }, async (fixture) => {
      // Root can write anywhere, unless it has no capabilities.
      const powerless = Deno.uid() === 0
        ? ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        : ["env"];
      const own = Deno.env.has("ROUTES_BIN") ? {} : { DENO_DIR: await denoDir() };
      const env = {
        ...quietEnv(),
        ...own,
        HOME: fixture.dir,
        TMPDIR: fixture.dir,
        // The program must not see these: they would change its servers or its log level.
        PGHOST: "nowhere.invalid",
        PGPORT: "1",
        KAFKAJS_LOG_LEVEL: "debug",
        NODE_ENV: "test",
      };
      const run = (words: string[]) => {
        const [command, ...args] = [...powerless, ...words];
        return spawn(command!, args, { cwd: fixture.dir, env, stdin: undefined }).ended;
      };
      await Deno.chmod(fixture.dir, 0o555);
      try {
        assert((await run(["touch", "file"])).code !== 0, "the folder can be written");
        await wholeRun((args) => run([program, ...flags, ...args]));
      } finally {
        await Deno.chmod(fixture.dir, 0o755);
      }
      assertEquals((await fixture.counts()).next, 300);
    }),
});

const hasStrace = isLinux && await new Deno.Command("strace", { args: ["-V"], stdout: "null" })
  .output().then(() => true, () => false);

Deno.test({
  name: "a whole run writes nothing to disk (needs strace)",
  // In CI strace must be installed.
  ignore: !hasStrace && !Deno.env.has("CI"),
  fn: () =>
    withProgram({ migrated: false }, async (fixture) => {
      const trace = await Deno.makeTempFile({ prefix: "routes-trace-" });
      try {
        const env = { ...quietEnv(), HOME: fixture.dir, TMPDIR: fixture.dir };
        // Deno caches compiled sources there; the binary has no such folder.
        const own = Deno.env.has("ROUTES_BIN") ? null : await denoDir();
        const opened: string[] = [];
        await wholeRun(async (args) => {
          const watch = ["-f", "--seccomp-bpf", "-qq", "-o", trace, "-e", `trace=${WRITING}`];
          const ended = await spawn("strace", [...watch, program, ...flags, ...args], {
            cwd: fixture.dir,
            env: own ? { ...env, DENO_DIR: own } : env,
            stdin: undefined,
          }).ended;
          const lines = (await Deno.readTextFile(trace)).split("\n");
          opened.push(...lines.filter((line) => line.includes("host_settings.ini")));
          const written = lines.filter((line) => isWrite(line) && !(own && line.includes(own)));
          assertEquals(written, [], args.join(" "));
          return ended;
        });
        assert(opened.length > 0, "the trace shows nothing that was opened");
        assertEquals([...Deno.readDirSync(fixture.dir)].map(({ name }) => name), [
          "host_settings.ini",
        ]);
      } finally {
        await Deno.remove(trace);
      }
    }),
});

// With a question mark, because not every architecture has every call.
const WRITING = [
  ..."open openat openat2 creat mkdir mkdirat mknod mknodat rename renameat renameat2".split(" "),
  ..."link linkat symlink symlinkat unlink unlinkat rmdir truncate chmod fchmodat".split(" "),
].map((name) => `?${name}`).join();

/** Whether a line of strace shows a write, except to devices and to /proc. */
function isWrite(line: string): boolean {
  const [, name, rest = ""] = /^\d+ +(\w+)\((.*)/.exec(line) ?? [];
  if (!name || /"\/(dev|proc)\//.test(rest)) return false;
  return !name.startsWith("open") || /O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)/.test(rest);
}

async function denoDir(): Promise<string> {
  const info = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] });
  return JSON.parse(new TextDecoder().decode((await info.output()).stdout)).denoDir;
}
