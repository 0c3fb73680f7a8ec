import { assert, assertEquals } from "@std/assert";
import { importFlags } from "./support/imports.ts";

// Imports point downwards, no command imports another command, and only main.ts refers to Deno. Parts that need no
// permissions stay that way.

const SRC = new URL("../src/", import.meta.url);
/** Each layer may import only layers below it. */
const LAYERS = [
  ["main"],
  ["run"],
  ["commands"],
  ["cli"],
  ["kafka", "postgres"],
  ["formats", "network"],
  ["record", "settings", "terminal", "system"],
  ["errors", "units", "suggest", "version"],
];
const TOP_FILES = [
  "errors.ts",
  "main.ts",
  "run.ts",
  "suggest.ts",
  "system.ts",
  "units.ts",
  "version.ts",
];
/** Parts without a clock, randomness, input or output. */
const PURE = [
  "cli/",
  "formats/",
  "record/",
  "settings/",
  "terminal/",
  "errors.ts",
  "units.ts",
  "suggest.ts",
];
/** Each package is imported in one place only. */
const HOMES: Record<string, string[]> = {
  kafkajs: ["kafka/"],
  postgres: ["postgres/"],
  std: ["cli/"],
  valibot: ["record/"],
};
/** Commands import the clients only in these files. */
const CLIENT_FILES = /^commands\/(open_\w+|\w+\/command(_\w+)?)\.ts$/;
/** Files of the adapters that use no client. */
const NO_CLIENT = ["postgres/migration_plan.ts", "postgres/migrations/", "postgres/sqlstates.ts"];
const LINES_MAX = 250;

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
  /** Loaded with the importing file: neither a type nor a later import(). */
  atOnce: boolean;
  isType: boolean;
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
        isType: code === undefined,
      })),
    ]),
  );
}

/** The top-level part of src/ that a file belongs to: a folder, or a file without its ending. */
function partOf(path: string): string {
  return path.split("/")[0]!.replace(/\.ts$/, "");
}

function layerOf(path: string): number {
  return LAYERS.findIndex((parts) => parts.includes(partOf(path)));
}

/** The imports within src/ that `isWrong`, as `file > import`. */
function wrongImports(
  isWrong: (from: string, to: string, isType: boolean) => boolean,
): string[] {
  return [...graph].flatMap(([from, imports]) =>
    imports.filter(({ name, isType }) => graph.has(name) && isWrong(from, name, isType))
      .map(({ name }) => `${from} > ${name}`)
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

Deno.test("imports point downwards", () => {
  const isUpward = (from: string, to: string) =>
    partOf(from) !== partOf(to) && layerOf(to) <= layerOf(from);
  assertEquals(wrongImports(isUpward), []);
});

Deno.test("no command imports another command", () => {
  const folder = (path: string) => /^commands\/(\w+)\//.exec(path)?.[1];
  const isOther = (from: string, to: string) =>
    folder(to) !== undefined && partOf(from) === "commands" && folder(from) !== folder(to);
  assertEquals(wrongImports(isOther), []);
});

Deno.test("commands import clients only in command.ts; their other files import types", () => {
  const isClient = (path: string) =>
    ["kafka", "postgres"].includes(partOf(path)) && !within(path, NO_CLIENT);
  const isWrong = (from: string, to: string, isType: boolean) =>
    partOf(from) === "commands" && !CLIENT_FILES.test(from) && isClient(to) && !isType;
  assertEquals(wrongImports(isWrong), []);
});

Deno.test("the pure parts use no Deno, clock, randomness or console, and never wait", () => {
  for (const { path, text } of files()) {
    if (!within(path, PURE)) continue;
    const found = bare(text).match(
      /\bDeno\b|\bDate\.now\b|\bnew Date\(\)|\bperformance\b|\bMath\.random\b|\bcrypto\b|\bconsole\b|\bawait\b/,
    );
    assertEquals(found, null, path);
  }
});

Deno.test("each package is imported in one place only, types included", () => {
  const found = [...graph].flatMap(([from, imports]) =>
    imports.filter(({ name }) => {
      if (graph.has(name) || name.startsWith("node:") || name.endsWith(".sql")) return false;
      return !within(from, HOMES[name] ?? []);
    }).map(({ name }) => `${from} > ${name}`)
  );
  assertEquals(found, []);
});

Deno.test("only main.ts refers to Deno", () => {
  const naming = files().filter(({ text }) => /\bDeno\b/.test(bare(text)));
  assertEquals(naming.map(({ path }) => path), ["main.ts"]);
});

Deno.test("only run.ts and main.ts write to stderr, so that all text passes through scrub()", () => {
  const writing = files().filter(({ text }) =>
    /\bstderr\b|\bconsole\b|\bprocess\.\w/.test(bare(text))
  );
  assertEquals(writing.map(({ path }) => path).sort(), ["main.ts", "run.ts", "system.ts"]);
});

Deno.test("help and version load no client", () => {
  const loaded = new Set(["main.ts"]);
  for (const path of loaded) {
    for (const { name, atOnce } of graph.get(path) ?? []) if (atOnce) loaded.add(name);
  }
  assert(loaded.has("cli/help.ts"));
  assertEquals([...loaded].filter((name) => !graph.has(name)), ["std"]);
  assertEquals([...loaded].filter((name) => /^(kafka|network|commands\/\w+)\//.test(name)), []);
});

Deno.test("the top of src holds only the files that belong there", () => {
  const names = [...Deno.readDirSync(SRC)].filter(({ isFile, name }) =>
    isFile && name.endsWith(".ts")
  ).map(({ name }) => name);
  assertEquals(names.sort(), TOP_FILES);
});

Deno.test("files are short and named after what they are", () => {
  for (const { path, text } of files()) {
    assert(text.split("\n").length <= LINES_MAX, path);
    assert(!/(^|\/)(utils?|types|common|helpers|index)\.ts$/.test(path), path);
  }
});

Deno.test("the top level holds exactly the agreed names", async () => {
  const { stdout, success } = await new Deno.Command("git", {
    args: ["ls-tree", "--name-only", "HEAD"],
    cwd: new URL("..", SRC),
  }).output();
  // Without git this is not a clone, so there is nothing to check.
  if (!success) return;
  const names = new TextDecoder().decode(stdout).trimEnd().split("\n");
  const known = ["src", "tests", "deno.json", "deno.lock", "README.md", "LICENSE"];
  const hidden = [".ci", ".github", ".gitignore"];
  assertEquals(names.filter((name) => !known.includes(name) && !hidden.includes(name)), []);
  assertEquals(known.filter((name) => !names.includes(name)), []);
});

Deno.test("no message has a fixed plural after a number: formatMany() chooses", () => {
  const nouns = "record|row|reject|tombstone|partition|migration|user|member|table|day|setting";
  const fixed = new RegExp(`\\$\\{(?!formatMany)[^}]*\\} (${nouns})s\\b`, "g");
  const found = files().flatMap(({ path, text }) =>
    [...text.matchAll(fixed)].map(([words]) => `${path}: ${words}`)
  );
  assertEquals(found, []);
  assertEquals("`${count} rows`".match(fixed)?.length, 1);
});
