import { runChild } from "./support/child.ts";
import { assert, assertEquals } from "@std/assert";
import { parseCli } from "../src/cli/parse.ts";
import { EXIT, EXIT_MEANINGS } from "../src/errors.ts";
import { certificateFolders } from "../src/settings/read_access.ts";
import { parseSettings, settingsFiles } from "../src/settings/settings.ts";
import { commandFlags, globalFlags, verbs } from "../src/cli/commands.ts";
import { formats } from "../src/formats/mod.ts";
import { draw, perform } from "./support/picture.ts";

const readme = Deno.readTextFileSync(new URL("../README.md", import.meta.url));
const config = JSON.parse(Deno.readTextFileSync(new URL("../deno.json", import.meta.url)));

/** The blocks of README in one language. */
function blocks(language: string): string[] {
  const found = readme.matchAll(new RegExp("```" + language + "\\n(.*?)```", "gs"));
  return [...found].map(([, text]) => text!);
}

/** Text with all that differs from run to run taken out. */
function shape(text: string): string {
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d to ([\d-]+ )?\d\d:\d\d UTC/g, "TIMES")
    .replaceAll(/in [\d.]+ s \([\d. ]+\/s\)/g, "in N s (N/s)")
    .replaceAll(/\(\d+ ms\)/g, "(N ms)")
    .trimEnd();
}

const hasScript = await new Deno.Command("script", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

Deno.test({
  name: `the picture in README shows what a terminal shows${
    hasScript ? "" : " (left out, needs script of util-linux)"
  }`,
  ignore: !hasScript,
  fn: async () => {
    const drawn = Deno.readTextFileSync(new URL("./support/picture.svg", import.meta.url));
    const text = (svg: string) =>
      shape(
        [...svg.matchAll(/<text[^>]* y="(\d+)"[^>]*>(.*)<\/text>/g)]
          .map(([, y, text]) => `${y} ${text}`).join("\n"),
      );
    assertEquals(
      text(draw(await perform())),
      text(drawn),
      "run deno task picture to draw it again",
    );
  },
});

Deno.test("the alert rules in README use metrics that the program has", () => {
  const [rules] = blocks("yaml");
  const names = [...rules!.matchAll(/\broutes_\w+/g)].map(([name]) => name);
  const source = new URL("../src/commands/consume/metrics.ts", import.meta.url);
  const metrics = Deno.readTextFileSync(source);
  assert(names.length > 0);
  for (const name of names) assert(metrics.includes(`"${name}"`), name);
});

const hasPromtool = await runChild("promtool", { args: ["--version"], name: "promtool" })
  .then(() => true, () => false);

Deno.test({
  name: "Prometheus accepts the alert rules in README (needs promtool)",
  ignore: !hasPromtool,
  fn: async () => {
    const path = await Deno.makeTempFile({ suffix: ".yaml" });
    try {
      await Deno.writeTextFile(path, blocks("yaml")[0]!);
      const args = ["check", "rules", path];
      const { success, stdout } = await new Deno.Command("promtool", { args }).output();
      assert(success, new TextDecoder().decode(stdout));
    } finally {
      await Deno.remove(path);
    }
  },
});

/** The command lines in a text, as a shell takes them apart; what stands for a value is given one. */
function commandLines(text: string): string[][] {
  const values: Record<string, string> = { COMMAND: "query", SPEC: "latest", OFFSET: "7" };
  return text.split(/&&|\|(?!\|)|[\n`();]/).map((line) => line.trim().replace(/ [<>].*| # .*/, ""))
    .filter((line) => /^routes( |$)/.test(line) && !line.includes("…"))
    .map((line) => line.split(/ +/).slice(1).map((word) => values[word] ?? word));
}

Deno.test("every command line in README is understood", () => {
  const words = readme.replaceAll(/```.*?```|\*\*`[^`]+`\*\*/gs, "").matchAll(/`([^`]+)`/g);
  const told = [...blocks("sh"), ...[...words].map(([, word]) => word!)];
  const lines = told.flatMap((text) => commandLines(text.replaceAll("\\|", "|")));
  assert(lines.length > 40, `${lines.length}`);
  for (const args of lines) parseCli(args, Date.parse("2026-03-04T05:06:07Z"));
});

Deno.test("README takes errors and their fixes from the source", () => {
  const rows = [...readme.matchAll(/^\| +([^|]+?) +\| +([^|]+?) +\|$/gm)].map((row) =>
    row.slice(1)
  );
  const begin = rows.findIndex(([error, fix]) => error === "error" && fix === "fix");
  const errors = rows.slice(begin + 1).filter(([error]) => !/^-+$/.test(error!));
  assert(begin >= 0 && errors.length > 20, `${errors.length} errors`);
  const known = sources().flatMap(templates);
  for (const row of errors) {
    // What stands in brackets behind a message is about it.
    for (const text of row.map((text) => text.replace(/ \([^)]*\)$/, ""))) {
      assert(known.some((template) => template.test(text)), text);
    }
  }
});

function sources(dir = new URL("../src/", import.meta.url)): string[] {
  return [...Deno.readDirSync(dir)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? sources(new URL(`${name}/`, dir))
      : name.endsWith(".ts")
      ? [Deno.readTextFileSync(new URL(name, dir))]
      : []
  );
}

/** The texts in a source file, with something for what is filled in; those that say little fit too much. */
function templates(source: string): RegExp[] {
  const texts = source.matchAll(
    /"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\$]|\\.|\$(?!\{)|\$\{(?:[^{}`]|`[^`]*`|\{[^}]*\})*\})*)`/g,
  );
  return [...texts].map(([, plain, template]) => plain ?? template!)
    .map((text) => text.split(/\$\{(?:[^{}`]|`[^`]*`|\{[^}]*\})*\}/))
    .filter((parts) => parts.join("").length >= 4)
    .map((parts) => new RegExp(`^${parts.map(literal).join(".+")}$`));
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

Deno.test("README names every command, exit code and format", () => {
  for (const verb of verbs) {
    if (verb !== "help" && verb !== "version") {
      assert(readme.includes(`**\`routes ${verb}\`**`), verb);
    }
  }
  const codes = [...readme.matchAll(/^\| (\d+(?:, \d+)*) +\| (.*?) +\|$/gm)]
    .map(([, codes, when]) => [codes!, when!.replaceAll("`", "")]);
  assertEquals(codes, EXIT_MEANINGS);
  assertEquals(codes.map(([codes]) => parseInt(codes!)), [...Object.values(EXIT), 129]);
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
  const missing = [...settingsFiles(false), ...certificateFolders(false)].filter((path) =>
    !read.some((place: string) => path === place || path.startsWith(`${place}/`))
  );
  assertEquals(missing, []);
});

Deno.test("each row of the table of runtimes in src/README.md names a test", () => {
  const read = (path: string) => Deno.readTextFileSync(new URL(`../${path}`, import.meta.url));
  const table = read("src/README.md").split("## The runtime")[1]!.split("## Words")[0]!;
  const named = table.split("\n").filter((line) => line.startsWith("| ")).slice(2)
    .map((line) => line.split("|")[3]!.trim());
  const files = ["tests/tls/runtime", "tests/process/codecs", "tests/settings/read_access"];
  const texts = files.map((file) => read(`${file}_test.ts`)).join("")
    .replaceAll("${variable}", "DENO_CERT");
  assert(named.length > 5);
  assertEquals(
    named.filter((name) => !texts.includes(`"${name}"`) && !texts.includes(`\`${name}\``)),
    [],
  );
});

Deno.test("README shows settings that are understood", () => {
  for (const text of blocks("ini")) {
    const file = { path: "host_settings.ini", text };
    parseSettings({
      file,
      env: () => undefined,
      envNames: [],
      set: [],
      exists: () => true,
      isWindows: false,
    });
  }
});
