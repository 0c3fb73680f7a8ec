import { assert, assertEquals } from "@std/assert";
import { importFlags } from "./support/imports.ts";

// The four laws of the house: the core imports only the core and touches no world; adapters know neither commands nor each
// other; commands know no adapter; only main.ts names Deno.

const SRC = new URL("../src/", import.meta.url);
/** Thinks only: what a record is, what is typed, what is told. */
const CORE = [
  "accounts.ts",
  "argv.ts",
  "cli.ts",
  "compare.ts",
  "completions.ts",
  "config.ts",
  "config/",
  "connection.ts",
  "corrupt.ts",
  "failure.ts",
  "flags.ts",
  "formats/",
  "geo.ts",
  "habits.ts",
  "help.ts",
  "ini.ts",
  "json.ts",
  "man.ts",
  "metrics.ts",
  "murmur2.ts",
  "nearest.ts",
  "offsets.ts",
  "options.ts",
  "paint.ts",
  "places.ts",
  "plan.ts",
  "point.ts",
  "rate.ts",
  "rules.ts",
  "sift.ts",
  "simplify.ts",
  "sphere.ts",
  "strict.ts",
  "talk.ts",
  "tally.ts",
  "time.ts",
  "track.ts",
  "usage.ts",
  "usage/",
  "version.ts",
  "view.ts",
  "walk.ts",
  "wire.ts",
];
/** The one place of each package; those of the core are small and load fast. */
const HOMES: Record<string, string> = {
  kafkajs: "kafka/",
  postgres: "postgres/",
  std: "argv.ts",
  valibot: "point.ts",
};
const ADAPTERS = ["kafka/", "postgres/"];
/** Names, ports and handshakes: what both adapters look at before they use their clients. */
const NETWORK = "reach.ts";
const LINES_MAX = 330;

interface Module {
  specifier: string;
  dependencies?: {
    specifier: string;
    code?: { specifier: string };
    type?: { specifier: string };
    isDynamic?: boolean;
  }[];
}

/** A file under src/, or a package by its name. */
interface Import {
  name: string;
  /** When the file is loaded: neither a type nor an import() for later. */
  atOnce: boolean;
}

/** What each file of src/ imports, by path under src/. */
const graph = await readGraph();

async function readGraph(): Promise<Map<string, Import[]>> {
  const flags = await importFlags(() => {});
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...flags, "src/main.ts"],
    cwd: new URL("..", SRC),
    stderr: "null",
  }).output();
  assert(success);
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  const named = (specifier: string) =>
    specifier.startsWith(SRC.href)
      ? specifier.slice(SRC.href.length)
      : /(kafkajs|postgres|valibot|std|node:\w+)/.exec(specifier)?.[0] ?? specifier;
  return new Map(
    modules.filter(({ specifier }) => specifier.startsWith(SRC.href)).map((module) => [
      named(module.specifier),
      (module.dependencies ?? []).map(({ specifier, code, type, isDynamic = false }) => ({
        name: named((code ?? type)?.specifier ?? specifier),
        atOnce: code !== undefined && !isDynamic,
      })),
    ]),
  );
}

/** Imports of the files at `places` that are nowhere in `allowed`, as `file > import`. */
function strays(places: string[], isAllowed: (name: string, path: string) => boolean): string[] {
  return [...graph].filter(([path]) => within(path, places)).flatMap(([path, imports]) =>
    imports.filter(({ name }) => !isAllowed(name, path)).map(({ name }) => `${path} > ${name}`)
  );
}

function within(path: string, places: string[]): boolean {
  return places.some((place) => place.endsWith("/") ? path.startsWith(place) : path === place);
}

function files(): { path: string; text: string }[] {
  return [...graph.keys()].filter((path) => path.endsWith(".ts"))
    .map((path) => ({ path, text: Deno.readTextFileSync(new URL(path, SRC)) }));
}

/** The code without its comments and texts. */
function bare(text: string): string {
  return text.replace(/\/\*.*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/gs, "");
}

Deno.test("everything under src is part of the program", () => {
  const there: string[] = [];
  const walk = (dir: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(new URL(dir, SRC))) {
      if (isDirectory) walk(`${dir}${name}/`);
      else if (name.endsWith(".ts")) there.push(`${dir}${name}`.slice(2));
    }
  };
  walk("./");
  assertEquals(files().map(({ path }) => path).sort(), there.sort());
});

Deno.test("the core imports only the core, and the packages that are at home there", () => {
  const small = Object.keys(HOMES).filter((name) => within(HOMES[name]!, CORE));
  assertEquals(strays(CORE, (name) => within(name, [...CORE, ...small])), []);
});

Deno.test("the core has no world: no Deno, clock, randomness, console or waiting", () => {
  for (const { path, text } of files()) {
    if (!within(path, CORE)) continue;
    const found = bare(text).match(
      /\bDeno\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bMath\.random\b|\bcrypto\b|\bconsole\b|\bawait\b/,
    );
    assertEquals(found, null, path);
  }
});

Deno.test("adapters know the core and themselves, neither commands nor each other", () => {
  for (const adapter of ADAPTERS) {
    const known = (name: string) =>
      within(name, [...CORE, NETWORK, adapter]) || HOMES[name] === adapter;
    assertEquals(strays([adapter], (name) => known(name) || name.startsWith("node:")), []);
  }
});

Deno.test("commands know no adapter, no package and no other command", () => {
  const isFile = (name: string) => graph.has(name) && name.endsWith(".ts");
  const foreign = [...ADAPTERS, NETWORK, "commands/", "wiring/", "run.ts", "world.ts", "main.ts"];
  assertEquals(strays(["commands/"], (name) => isFile(name) && !within(name, foreign)), []);
});

Deno.test("every package has one home, types included", () => {
  const everywhere = [...graph.keys()];
  const isHome = (name: string, path: string) => within(path, [HOMES[name] ?? path]);
  assertEquals(strays(everywhere, isHome), []);
  const packages = (name: string) => Object.hasOwn(HOMES, name) || name.startsWith("node:");
  assertEquals(
    strays(everywhere, (name) => graph.has(name) || packages(name) || /\.sql$/.test(name)),
    [],
  );
});

Deno.test("only main.ts names Deno", () => {
  const naming = files().filter(({ text }) => /\bDeno\b/.test(bare(text)));
  assertEquals(naming.map(({ path }) => path), ["main.ts"]);
});

Deno.test("help and version load no client", () => {
  const loaded = new Set(["main.ts"]);
  for (const path of loaded) {
    for (const { name, atOnce } of graph.get(path) ?? []) if (atOnce) loaded.add(name);
  }
  assert(loaded.has("help.ts"));
  assertEquals([...loaded].filter((name) => !graph.has(name)), ["std"]);
  assertEquals([...loaded].filter((name) => within(name, [...ADAPTERS, "commands/"])), []);
});

Deno.test("files are short and named after what they are", () => {
  for (const { path, text } of files()) {
    assert(text.split("\n").length <= LINES_MAX, path);
    assert(!/(^|\/)(utils?|types|common|helpers|index)\.ts$/.test(path), path);
  }
});

Deno.test("the top level holds what it is to hold", async () => {
  const { stdout, success } = await new Deno.Command("git", {
    args: ["ls-tree", "--name-only", "HEAD"],
    cwd: new URL("..", SRC),
  }).output();
  // Without git this is no clone, and there is nothing to keep in order.
  if (!success) return;
  const names = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const known = ["src", "tests", "deno.json", "deno.lock", "README.md", "LICENSE"];
  const hidden = [".ci", ".github", ".gitignore"];
  assertEquals(names.filter((name) => !known.includes(name) && !hidden.includes(name)), []);
  assertEquals(known.filter((name) => !names.includes(name)), []);
});
