import { assert, assertEquals } from "@std/assert";
import { importFlags } from "./support/imports.ts";

// The four laws of the house: the core imports only the core and touches no world; adapters know neither commands nor each
// other; commands know no adapter; only main.ts names Deno.

const SRC = new URL("../src/", import.meta.url);
const CORE = [
  "compare.ts",
  "corrupt.ts",
  "formats/",
  "geo.ts",
  "json.ts",
  "murmur2.ts",
  "plan.ts",
  "point.ts",
  "sift.ts",
  "track.ts",
  "wire.ts",
];
/** Pure helpers that the core may use beside itself. */
const BESIDE = ["failure.ts"];
const ADAPTERS = ["kafka/", "postgres/"];
const LINES_MAX = 330;

interface Module {
  specifier: string;
  dependencies?: { specifier: string; code?: { specifier: string } }[];
}

/** What each file of src/ imports at run time, by path under src/; packages by their name. */
const graph = await readGraph();

async function readGraph(): Promise<Map<string, string[]>> {
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
      (module.dependencies ?? []).flatMap(({ code }) => code ? [named(code.specifier)] : []),
    ]),
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

Deno.test("the core imports only the core, and valibot", () => {
  for (const [path, imports] of graph) {
    if (!within(path, CORE)) continue;
    const foreign = imports.filter((name) => !within(name, [...CORE, ...BESIDE, "valibot"]));
    assertEquals(foreign, [], path);
  }
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

Deno.test("adapters know neither commands nor each other", () => {
  for (const [path, imports] of graph) {
    const own = ADAPTERS.find((adapter) => path.startsWith(adapter));
    if (!own) continue;
    const others = [
      "commands/",
      "wiring/",
      "run.ts",
      "main.ts",
      ...ADAPTERS.filter((name) => name !== own),
    ];
    assertEquals(imports.filter((name) => within(name, others)), [], path);
  }
});

Deno.test("commands know no adapter and no client", () => {
  for (const [path, imports] of graph) {
    if (!path.startsWith("commands/")) continue;
    const foreign = imports.filter((name) =>
      within(name, [...ADAPTERS, "wiring/", "kafkajs", "postgres"])
    );
    assertEquals(foreign, [], path);
  }
});

Deno.test("only the adapters know the clients", () => {
  for (const [path, imports] of graph) {
    const clients = imports.filter((name) => name === "kafkajs" || name === "postgres");
    for (const client of clients) {
      assert(path.startsWith(client === "kafkajs" ? "kafka/" : "postgres/"), path);
    }
  }
});

Deno.test("only main.ts names Deno", () => {
  const naming = files().filter(({ text }) => /\bDeno\b/.test(bare(text)));
  assertEquals(naming.map(({ path }) => path), ["main.ts"]);
});

Deno.test("help and version load no client", async () => {
  const text = await Deno.readTextFile(new URL("run.ts", SRC));
  const loaded = new Set<string>();
  const load = (path: string) => {
    if (loaded.has(path)) return;
    loaded.add(path);
    // deno info does not tell static imports from dynamic ones; run.ts is the only file that has both.
    const isStatic = (name: string) =>
      path !== "run.ts" || new RegExp(`^import .*"./${name}"|^} from "./${name}"`, "m").test(text);
    for (const name of graph.get(path) ?? []) if (isStatic(name)) load(name);
  };
  load("main.ts");
  assert(loaded.has("help.ts"));
  assertEquals(
    [...loaded].filter((name) => within(name, [...ADAPTERS, "kafkajs", "postgres"])),
    [],
  );
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
