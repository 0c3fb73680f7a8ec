import { assert, assertEquals } from "@std/assert";
import { parseSettings } from "../src/config.ts";
import { help, topics } from "../src/help.ts";
import { parseIni } from "../src/ini.ts";
import { LOST, RULES } from "../src/rules.ts";
import { commandFlags, globalFlags, type Verb, verbs } from "../src/usage.ts";

const own = (Object.keys(commandFlags) as Verb[]).filter((verb) =>
  !["help", "version"].includes(verb)
);

for (const verb of own) {
  Deno.test(`the help of ${verb} has each of its flags in a line, and no other`, () => {
    const lines = help(verb).split("\n");
    for (const { name, short, value } of commandFlags[verb]) {
      const flag = `--${name}${value ? ` ${value}` : ""}`;
      const start = `  ${short ? `-${short}, ` : "    "}${flag}`;
      const found = lines.filter((line) => line === start || line.startsWith(`${start} `));
      assertEquals(found.length, 1, flag);
    }
    const named = lines.flatMap((line) => /^ {2}(?:-\w, | {4})--([\w-]+)/.exec(line)?.[1] ?? []);
    assertEquals(named, commandFlags[verb].map(({ name }) => name));
  });

  Deno.test(`the help of ${verb} shows its examples with flags that exist`, () => {
    const [, examples] = /Examples:\n((?: {2}.*\n)+)/.exec(help(verb))!;
    const known = new Set([...own.flatMap((verb) => commandFlags[verb]), ...globalFlags]
      .map(({ name }) => name));
    assert(examples!.includes(`routes ${verb}`));
    for (const [, flag] of examples!.matchAll(/--([\w-]+)/g)) assert(known.has(flag!), flag);
  });
}

Deno.test("the help on all names every command and global flag", () => {
  const text = help(null);
  for (const verb of verbs) assert(text.includes(`\n  ${verb} `), verb);
  for (const { name } of globalFlags) assert(text.includes(`--${name}`), name);
  assertEquals([help("help"), help("version")], [text, text]);
});

Deno.test("a default is told in the help of its command", () => {
  for (const verb of own) {
    const told = help(verb).replace(/\s+/g, " ");
    for (const { fallback } of commandFlags[verb]) {
      if (fallback) assert(told.includes(`(default ${fallback})`), fallback);
    }
  }
});

for (const topic of [null, ...verbs, ...topics]) {
  Deno.test(`the help on ${topic ?? "all"} fits in 80 columns and ends with a new line`, () => {
    for (const line of help(topic).split("\n")) {
      assert(line.length <= 80, line);
    }
    assert(/[^\n]\n$/.test(help(topic)));
  });
}

Deno.test("the help on settings is a settings file that says nothing", () => {
  assert(topics.includes("settings"));
  const { entries, faults } = parseIni(help("settings"));
  assertEquals([entries, faults], [[], []]);
  const file = { path: "host_settings.ini", text: help("settings") };
  parseSettings({ file, env: () => undefined, set: [], exists: () => false });
});

Deno.test("the help on settings, without its marks of comment, names every key once", () => {
  const asked: string[] = [];
  const env = (name: string) => void asked.push(name);
  parseSettings({ file: null, env, set: [], exists: () => false });
  const { entries, faults } = parseIni(help("settings").replace(/^;(?=\w+ =)/gm, ""));
  assertEquals(faults, []);
  const named = entries.map(({ section, key }) => `ROUTES_${section}_${key}`.toUpperCase());
  assertEquals(named, asked);
});

Deno.test("the defaults in the help on settings are those that serve", () => {
  const text = help("settings").replace(/^;(?=\w+ =)/gm, "").replace(/^ssl_c.*|^ssl_k.*/gm, "")
    .replace("sasl_mechanism = PLAIN", "").replace("sslmode = verify-full", "")
    .replace("sslrootcert = ssl/ca.pem", "");
  const read = (file: { path: string; text: string } | null) => {
    const { kafka, postgresql } = parseSettings({
      file,
      env: () => undefined,
      set: [],
      exists: () => false,
    });
    return { kafka, postgresql };
  };
  assertEquals(read({ path: "x.ini", text }), read(null));
});

Deno.test("the help on errors has every rule in its order", () => {
  const text = help("errors");
  let at = 0;
  for (const { codes, act, meaning } of RULES) {
    const name = codes === LOST ? "(network)" : codes.join(" ");
    const next = text.indexOf(`  ${name.padEnd(12)}  ${act.padEnd(6)}  ${meaning}\n`);
    assert(next > at, meaning);
    at = next;
  }
});
