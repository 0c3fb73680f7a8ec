import { assertEquals } from "@std/assert";

// The laws that keep the program in parts that can be read one by one. A new file has its place in one of these lists,
// so that which laws it obeys is decided, not guessed.

/** Thinks only: no IO, no waiting, no clock, no chance. */
const CORE = [
  ...["compare", "corrupt", "geo", "json", "murmur2", "nearest", "offsets", "plan", "point"],
  ...["sift", "time", "track", "view", "wire"],
  ...["formats/cell", "formats/csv", "formats/format", "formats/geojson", "formats/json"],
  ...["formats/mod", "formats/records", "formats/shown", "formats/table", "formats/tsv"],
  "formats/vertical",
  // What is typed and what is told.
  ...["argv", "cli", "failure", "flags", "help", "options", "talk", "usage", "version"],
  ...["config", "config/kafka", "config/postgres", "config/reader", "config/sources", "ini"],
];
/** Waits for what it is given, and still touches nothing by itself. */
const FLOW = ["lines", "outbox", "outgoing", "pace", "settle", "share"];
const COMMANDS = /^commands\//;
const ADAPTERS = /^(kafka|postgres)\//;
const EDGE = ["main", "run", "migrations/mod"];

/** Which files may import a package. */
const HOMES: Record<string, RegExp> = {
  valibot: /^point$/,
  "@std/cli": /^argv$/,
  kafkajs: /^kafka\//,
  postgres: /^postgres\//,
  node: ADAPTERS,
};

const LINES_MAX = 350;
const SRC = new URL("../src/", import.meta.url);

interface Import {
  /** A file of src without its ending, or a package. */
  of: string;
  isDynamic: boolean;
  isType: boolean;
}

const files = listFiles(SRC);
const imports = await readImports();
const texts = new Map(
  files.map((name) => [name, Deno.readTextFileSync(new URL(`${name}.ts`, SRC))]),
);

function listFiles(folder: URL): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const url = new URL(isDirectory ? `${name}/` : name, folder);
    if (isDirectory) return listFiles(url);
    return name.endsWith(".ts") ? url.href.slice(SRC.href.length).replace(/\.ts$/, "") : [];
  }).sort();
}

/** What every file of src imports, as Deno itself sees it. */
async function readImports(): Promise<Map<string, Import[]>> {
  const all = files.map((name) => `import "${SRC.href}${name}.ts";`).join("");
  const map = new URL("support/import_map.json", import.meta.url).pathname;
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["info", "--json", "--no-lock", "--import-map", decodeURIComponent(map)],
      `data:application/typescript,${encodeURIComponent(all)}`,
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout));
  const found = new Map<string, Import[]>();
  for (const { specifier, dependencies = [] } of modules) {
    if (!specifier.startsWith(SRC.href)) continue;
    found.set(nameOf(specifier), dependencies.map(toImport));
  }
  return found;
}

interface Dependency {
  specifier: string;
  code?: { specifier: string };
  type?: { specifier: string };
  isDynamic?: boolean;
}

function toImport({ specifier, code, type, isDynamic = false }: Dependency): Import {
  const target = code?.specifier ?? type?.specifier ?? specifier;
  return { of: nameOf(target, specifier), isDynamic, isType: !code };
}

/** `file:…/src/kafka/log.ts` is kafka/log, `npm:kafkajs@2.2.4/src/x.js` is kafkajs, `node:net` is node. */
function nameOf(target: string, specifier = target): string {
  if (target.startsWith(SRC.href)) return target.slice(SRC.href.length).replace(/\.ts$/, "");
  if (target.startsWith("node:")) return "node";
  return specifier.replace(/^(npm|jsr):\/?/, "").replace(/^(@[^/]+\/[^/@]+|[^/@]+).*$/, "$1");
}

/** `from > to` for each import that `allowed` forbids. */
function forbidden(
  from: (name: string) => boolean,
  allowed: (to: string, from: string) => boolean,
) {
  return files.filter(from).flatMap((name) =>
    imports.get(name)!.filter(({ of }) => !allowed(of, name)).map(({ of }) => `${name} > ${of}`)
  );
}

const isCore = (name: string) => CORE.includes(name);
const isFlow = (name: string) => FLOW.includes(name);
const isPackage = (name: string) => Object.hasOwn(HOMES, name);

/** Lines of code in which a pattern occurs; comments stand on lines of their own here. */
function mentions(name: string, pattern: RegExp): string[] {
  return texts.get(name)!.split("\n").flatMap((line, at) =>
    /^\s*(\/\/|\/\*|\*)/.test(line) || !pattern.test(line)
      ? []
      : `${name}:${at + 1}: ${line.trim()}`
  );
}

Deno.test("every file has its place in the layout", () => {
  const placed = (name: string) =>
    [isCore(name), isFlow(name), COMMANDS.test(name), ADAPTERS.test(name), EDGE.includes(name)]
      .filter(Boolean).length;
  assertEquals(files.filter((name) => placed(name) !== 1), []);
  assertEquals([...CORE, ...FLOW, ...EDGE].filter((name) => !files.includes(name)), []);
  assertEquals([...imports.keys()].filter((name) => files.includes(name)).sort(), files);
});

Deno.test("the core imports only the core", () => {
  assertEquals(forbidden(isCore, (to) => isCore(to) || isPackage(to)), []);
});

Deno.test("the core has no Deno, clock, randomness, console or await", () => {
  const world =
    /\bDeno\b|Date\.now|new Date\(\)|performance\.|Math\.random|crypto\.|console\.|\bawait\b|\basync\b|setTimeout|setInterval|\bfetch\(|\bprocess\.|globalThis/;
  assertEquals(files.filter(isCore).flatMap((name) => mentions(name, world)), []);
});

Deno.test("what waits imports only its like and the core", () => {
  assertEquals(forbidden(isFlow, (to) => isFlow(to) || isCore(to)), []);
  const chance = /Date\.now|new Date\(\)|performance\.|Math\.random|crypto\.|console\./;
  assertEquals(files.filter(isFlow).flatMap((name) => mentions(name, chance)), []);
});

Deno.test("adapters import the core and their own folder, never commands or each other", () => {
  const folder = (name: string) => name.split("/")[0];
  const allowed = (to: string, from: string) =>
    isCore(to) || isPackage(to) || folder(to) === folder(from);
  assertEquals(forbidden((name) => ADAPTERS.test(name), allowed), []);
});

Deno.test("commands import no adapter, no package and no other command", () => {
  const allowed = (to: string) => isCore(to) || isFlow(to);
  assertEquals(forbidden((name) => COMMANDS.test(name), allowed), []);
});

Deno.test("every package has one home", () => {
  const strays = forbidden(() => true, (to, from) => !isPackage(to) || HOMES[to]!.test(from));
  assertEquals(strays, []);
  const unknown = forbidden(
    () => true,
    (to) => isPackage(to) || files.includes(to) || to.endsWith(".sql"),
  );
  assertEquals(unknown, []);
});

Deno.test("only main.ts names Deno and the process", () => {
  const others = files.filter((name) => name !== "main");
  assertEquals(others.flatMap((name) => mentions(name, /\bDeno\.|\bprocess\.|\bconsole\./)), []);
  assertEquals(imports.get("main")!.map(({ of }) => of), ["run"]);
});

Deno.test("--help loads no client: main.ts reaches none without asking", () => {
  const reached = new Set(["main"]);
  for (const name of reached) {
    for (const { of, isDynamic, isType } of imports.get(name) ?? []) {
      if (!isDynamic && !isType) reached.add(of);
    }
  }
  assertEquals([...reached].filter((name) => isPackage(name)).sort(), ["@std/cli"]);
  assertEquals([...reached].filter((name) => /\//.test(name) && !/^@|^config\//.test(name)), []);
});

Deno.test(`no file is longer than ${LINES_MAX} lines`, () => {
  const lines = (name: string) => texts.get(name)!.trimEnd().split("\n").length;
  const long = files.map((name) => `${name}: ${lines(name)}`);
  assertEquals(long.filter((entry) => Number(entry.split(": ")[1]) > LINES_MAX), []);
});

Deno.test("every file is named for what it is about", () => {
  const vague = /(^|\/)(utils?|types?|index|common|helpers?|misc|shared|lib)$/;
  assertEquals(files.filter((name) => vague.test(name)), []);
});
