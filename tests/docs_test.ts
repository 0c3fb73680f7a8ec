import { assert, assertEquals } from "@std/assert";
import { EXIT } from "../src/failure.ts";
import { CERTIFICATE_FOLDERS, parseSettings, SETTINGS_FILES } from "../src/config.ts";
import { commandFlags, globalFlags, verbs } from "../src/usage.ts";
import { formats } from "../src/formats/mod.ts";
import { openStage } from "./support/stage.ts";

const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
const config = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));

/** The blocks of README in one language. */
function blocks(language: string): string[] {
  const found = readme.matchAll(new RegExp("```" + language + "\\n(.*?)```", "gs"));
  return [...found].map(([, text]) => text!);
}

/** Text with all that differs from run to run taken out. */
function shape(text: string): string {
  return text.replaceAll(/routes_docs_\w+/g, "routes")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/in [\d.]+ s \([\d ]+\/s\)/g, "in N s (N/s)")
    .replaceAll(/\(\d+ ms\)/g, "(N ms)")
    .replaceAll("│", "|").replaceAll("┼", "+").replaceAll("─", "-").trimEnd();
}

Deno.test("README shows what the commands print", async () => {
  const stage = await openStage("routes_docs");
  try {
    for (const session of blocks("console")) {
      for (const part of session.split(/^\$ /m).slice(1)) {
        const [line, ...printed] = part.trimEnd().split("\n");
        const args = line!.split(" ");
        assertEquals(args.shift(), "routes");
        const { stdout, stderr } = await stage.routes(args, { stdout: "piped", stderr: "piped" })
          .output();
        const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr)
          // Told of rows that are left out; README does without.
          .replace(/^\d+ of .*\n/m, "");
        assertEquals(shape(text), shape(printed.join("\n")), line);
      }
    }
  } finally {
    await stage.close();
  }
});

Deno.test("README names every command, exit code and format", () => {
  for (const verb of verbs) {
    if (verb !== "help" && verb !== "version") {
      assert(readme.includes(`**\`routes ${verb}\`**`), verb);
    }
  }
  const codes = [...readme.matchAll(/^\| (\d+)(?:, \d+)? +\|/gm)].map(([, code]) => Number(code));
  assertEquals(codes, [...Object.values(EXIT), 130]);
  for (const format of Object.keys(formats)) assert(readme.includes(`\`${format}\``), format);
});

Deno.test("README names no flag and no task that does not exist", () => {
  const flags = new Set([...globalFlags, ...Object.values(commandFlags).flat()].map((f) => f.name));
  for (const [, flag] of readme.matchAll(/`(?:routes[^`]*? |)--([a-z-]+)/g)) {
    assert(flags.has(flag!), `--${flag}`);
  }
  for (const [, task] of readme.matchAll(/(?:deno|deno@[\d.]+) task (\w+)/g)) {
    assert(task! in config.tasks, `task ${task}`);
  }
});

Deno.test("README tells the permissions of deno.json", () => {
  const { read, env } = config.permissions.default;
  const row = (name: string) => readme.split("\n").find((line) => line.startsWith(`| ${name} `))!;
  const named = (line: string) =>
    [...line.split("|")[1]!.matchAll(/`([^`]+)`/g)].map(([, n]) => n!);
  assertEquals(named(row("read")), read);
  assertEquals(named(row("environment")), env.allow);
});

Deno.test("the places that the program names are those that it may read", () => {
  const { read } = config.permissions.default;
  const missing = [...SETTINGS_FILES, ...CERTIFICATE_FOLDERS].filter((path) =>
    !read.some((place: string) => path === place || path.startsWith(`${place}/`))
  );
  assertEquals(missing, []);
});

Deno.test("README shows settings that are understood", () => {
  for (const text of blocks("ini")) {
    const file = { path: "host_settings.ini", text };
    parseSettings({ file, env: () => undefined, set: [], exists: () => true });
  }
});
