import { assert, assertEquals } from "@std/assert";
import { cacheDir, once } from "./support/child.ts";
import { openMavenProgress } from "./support/download.ts";

// What `deno task demo` and `deno task services` do before the services start.

const isUnix = Deno.build.os !== "windows";
const KAFKA = new URL("./support/kafka.ts", import.meta.url).href;
/** A version of Kafka that no cache has. */
const NEVER = "0.0.0";

/** Fetches Kafka on a machine that has only these programs, each a shell script; returns what it prints. */
async function fetchWith(programs: Record<string, string>) {
  const dir = await Deno.makeTempDir({ prefix: "routes-quick-" });
  try {
    await Deno.symlink("/bin/sh", `${dir}/sh`);
    for (const [name, script] of Object.entries(programs)) {
      await Deno.writeTextFile(`${dir}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    const script = `import { fetchKafka } from "${KAFKA}";
      await fetchKafka((line) => console.log(line), "${NEVER}").catch((error) => console.log(error.message));`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", "--no-lock", script],
      env: { PATH: dir },
    }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const JAVA_17 = `echo 'openjdk version "17.0.15" 2025-04-15' >&2`;

/** What to install, on each system. */
const systems = [
  /Debian.* apt-get install/,
  /Fedora.* dnf install/,
  /macOS.* brew/,
  /Windows.* wsl/,
];

Deno.test({
  name: "without Java, or with an old one, the quick start says what to install on each system",
  ignore: !isUnix,
  fn: async () => {
    const cases: [programs: Record<string, string>, expected: string][] = [
      [{}, "java is missing: Kafka needs Java 17 or newer, and Maven\n"],
      // What macOS has before Java is installed.
      [{ java: "echo 'Unable to locate a Java Runtime.' >&2; exit 1" }, "java is missing: "],
      [
        { java: `echo 'openjdk version "11.0.2" 2019-01-15' >&2` },
        "java is version 11: Kafka needs",
      ],
      [{ java: `echo 'java version "1.8.0_402"' >&2` }, "java is version 8: Kafka needs"],
    ];
    for (const [programs, expected] of cases) {
      const text = await fetchWith(programs);
      assert(text.startsWith(expected), text);
      for (const system of systems) assert(system.test(text), text);
      assertEquals(
        text.split("\n").filter((line) => line.length > 110 || /^\s+at /.test(line)),
        [],
      );
    }
  },
});

Deno.test({
  name: "without Maven the quick start says so before it downloads, and leaves no draft behind",
  ignore: !isUnix,
  fn: async () => {
    const drafts = () =>
      [...Deno.readDirSync(cacheDir())].filter(({ name }) => name.startsWith("draft-")).length;
    const before = drafts();
    const text = await fetchWith({ java: JAVA_17 });
    assert(text.startsWith("mvn is missing: Maven downloads Kafka\n"), text);
    for (const system of systems) assert(system.test(text), text);
    assertEquals(drafts(), before);
  },
});

Deno.test({
  name: "the quick start shows what it downloads, and why that failed",
  ignore: !isUnix,
  fn: async () => {
    const mvn = `[ "$1" = -version ] || { echo 'no route to central'; exit 1; }`;
    const text = await fetchWith({ java: JAVA_17, mvn });
    assertEquals(
      text,
      `downloading Apache Kafka ${NEVER} and its libraries (60 MB)\nmaven failed:\nno route to central\n\n`,
    );
  },
});

Deno.test("the progress of Maven counts finished files and those that are under way", () => {
  const soFar = openMavenProgress();
  assertEquals(soFar("[INFO] Scanning for projects...\n"), "0 files, 0.0 MB");
  assertEquals(
    soFar("Progress (1): 0.5/6.7 MB\rProgress (2): 1.1 MB | 2.0/6.7"),
    "0 files, 0.5 MB",
  );
  assertEquals(soFar(" MB\r"), "0 files, 3.1 MB");
  const done = "Downloaded from central: https://example.org/a.jar (1.1 MB at 3.2 MB/s)\n";
  assertEquals(soFar(`          \r${done}`), "1 file, 1.1 MB");
  assertEquals(soFar("Progress (1): 512/900 kB\r"), "1 file, 1.6 MB");
  assertEquals(
    soFar("Downloaded from central: https://example.org/b.pom (900 B at 28 kB/s)\n"),
    "2 files, 1.1 MB",
  );
});

Deno.test("once() removes its draft when the download fails", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const fault = await once(`${dir}/thing`, () => Promise.reject(new Error("cut off"))).catch(
      String,
    );
    assertEquals([fault, [...Deno.readDirSync(dir)]], ["Error: cut off", []]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
