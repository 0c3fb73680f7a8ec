import { assert, assertEquals } from "@std/assert";
import { parseCli } from "../../src/cli/parse.ts";
import { parseSettings } from "../../src/settings/settings.ts";
import { KEYS } from "../../src/settings/sources.ts";
import { FORMATS } from "../../src/formats/properties.ts";
import { EXIT_MEANINGS } from "../../src/errors.ts";
import { help } from "../../src/cli/help.ts";
import { parseIni } from "../../src/settings/ini.ts";
import { manPage } from "../support/man_page.ts";
import { commandFlags, globalFlags, verbs } from "../../src/cli/commands.ts";

const topics = [null, ...verbs, "settings", "errors", "formats"];
const commands = verbs.filter((verb) => verb !== "help" && verb !== "version");

for (const topic of topics) {
  Deno.test(`the help on ${topic ?? "all"} fits 80 columns and ends with a line`, () => {
    const text = help(topic);
    const long = text.split("\n").filter((line) => line.length > 80 || line.trimEnd() !== line);
    assertEquals(long, []);
    assert(text.endsWith("\n") && !text.endsWith("\n\n"));
    // No control characters: it is read by pipes, too.
    assertEquals(/[^\n\x20-\x7e\u00a0-\uffff]/.test(text), false);
  });
}

for (const verb of commands) {
  Deno.test(`the help on ${verb} has each of its flags, with its default`, () => {
    const text = help(verb).replace(/\s+/g, " ");
    for (const flag of commandFlags[verb]) {
      const { short, name, type, implied, default: shown = flag.defaultHelp } = flag;
      const value = implied ? `[=${type!.placeholder}]` : type ? ` ${type.placeholder}` : "";
      const line = `${short ? `-${short}, ` : ""}--${name}${value}`;
      assert(text.includes(` ${line} `), line);
      assert(!shown || text.includes(`(default ${shown})`), `${line} ${shown}`);
    }
  });

  Deno.test(`the examples in the help on ${verb} are good command lines`, () => {
    const examples = examplesIn(help(verb));
    assert(examples.length > 0);
    for (const example of examples) {
      parseCli(example, Date.parse("2026-03-04T05:06:07Z"));
    }
  });
}

Deno.test("the help on a command explains durations, times and distances if it takes any", () => {
  const explained = (topic: Parameters<typeof help>[0]) =>
    [...help(topic).matchAll(/^(DUR|TIME|DIST) {2,}\d/gm)].map(([, name]) => name);
  assertEquals(explained(null), ["DUR", "TIME", "DIST"]);
  assertEquals(explained("produce"), ["DUR", "TIME", "DIST"]);
  assertEquals(explained("consume"), ["DUR", "TIME"]);
  assertEquals(explained("verify"), []);
});

Deno.test("the help on all has every command, every global flag and good examples", () => {
  const text = help(null);
  for (const verb of verbs) assert(new RegExp(`^  ${verb} `, "m").test(text), verb);
  for (const { name } of globalFlags) assert(text.includes(`--${name}`), name);
  for (const example of examplesIn(text)) parseCli(example, 0);
});

Deno.test("routes help formats has every format, and good examples", () => {
  const text = help("formats");
  for (const name of Object.keys(FORMATS)) assert(text.includes(`\n  ${name} `), name);
  for (const example of examplesIn(text)) parseCli(example, Date.parse("2026-03-04T05:06:07Z"));
});

Deno.test("the man page has every flag, setting, exit code, and no line that roff takes for its own", () => {
  const page = manPage();
  const words = page.replaceAll("\\-", "-").replaceAll("\\e", "\\");
  for (const { name } of [...globalFlags, ...verbs.flatMap((verb) => commandFlags[verb])]) {
    assert(words.includes(`--${name}`), name);
  }
  for (const keys of Object.values(KEYS)) {
    for (const key of Object.keys(keys)) assert(words.includes(`${key} =`), key);
  }
  for (const [codes] of EXIT_MEANINGS) assert(words.includes(`\\fB${codes}\\fR`), codes);
  const requests = page.split("\n").filter((line) => /^[.']/.test(line));
  const known = /^\.(TH|SH|SS|PP|TP|EX|EE|B|BR)( |$)/;
  assertEquals(requests.filter((line) => !known.test(line)), []);
});

Deno.test("a flag with its default value changes nothing", () => {
  for (const verb of commands) {
    const args = commandFlags[verb].flatMap(({ name, default: value }) =>
      value === undefined ? [] : [`--${name}`, value]
    );
    const needed = { migrate: ["--topic"], query: ["--near", "1,2"], completions: ["bash"] };
    const given = [verb, ...(verb in needed ? needed[verb as keyof typeof needed] : [])];
    assertEquals(parseCli([...given, ...args], 0).command, parseCli(given, 0).command);
  }
});

Deno.test("flags that are named as excluded or needed exist", () => {
  for (const verb of verbs) {
    for (const { name, excludes = [], needs } of commandFlags[verb]) {
      const known = [...globalFlags, ...commandFlags[verb]].map((flag) => flag.name);
      for (const other of [...excludes, ...needs ? [needs] : []]) {
        assert(known.includes(other.split(" ")[0]!), `--${name} of ${verb} names --${other}`);
      }
    }
  }
});

Deno.test("routes help settings is a settings file without faults, in which all is a default", () => {
  const text = help("settings");
  assertEquals(parseIni(text).faults, []);
  const read = (text: string | null) =>
    parseSettings({
      file: text === null ? null : { path: "host_settings.ini", text },
      env: () => undefined,
      envNames: [],
      set: [],
      exists: () => false,
      isWindows: false,
    });
  assertEquals({ ...read(text), file: null }, read(null));
});

Deno.test("routes help settings shows every key, and no other", () => {
  const { entries, faults } = parseIni(help("settings").replace(/^;(\w+ =)/gm, "$1"));
  assertEquals(faults, []);
  const shown = entries.map(({ section, key }) => `${section}.${key}`).sort();
  const known = Object.entries(KEYS).flatMap(([section, keys]) =>
    Object.keys(keys).map((key) => `${section}.${key}`)
  );
  assertEquals(shown, known.sort());
});

/** The arguments of each `routes` that stands in the examples. */
function examplesIn(text: string): string[][] {
  const [, examples] = /Examples:\n((?: {2}.*\n)+)/.exec(text) ?? [];
  return (examples ?? "").split(/\n|&&|\|/).map((part) => part.replace(/>.*/, "").trim())
    .filter((line) => line.startsWith("routes ")).map((line) => line.split(/\s+/).slice(1));
}
