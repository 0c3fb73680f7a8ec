// The list of everything in the program, for people who must know what they run. No remote imports: see task.ts.

const ROOT = `${import.meta.dirname}/../..`;

interface Lock {
  specifiers: Record<string, string>;
  jsr: Record<string, { integrity: string }>;
  npm: Record<string, { integrity: string }>;
}

/** A CycloneDX 1.6 document (cyclonedx.org/docs/1.6/json) of the program and its runtime, with hashes from deno.lock. */
export function sbom(version: string): string {
  const read = (path: string) => JSON.parse(Deno.readTextFileSync(`${ROOT}/${path}`));
  const { imports } = read("deno.json") as { imports: Record<string, string> };
  const lock = read("deno.lock") as Lock;
  const used = importsOf(`${ROOT}/src`);
  const libraries = Object.entries(imports)
    .filter(([name]) => used.some((from) => from === name || from.startsWith(`${name}/`)))
    .map(([name, specifier]) => libraryOf(name, specifier, lock));
  const runtime = {
    type: "framework",
    name: "deno",
    version: Deno.version.deno,
    purl: `pkg:github/denoland/deno@v${Deno.version.deno}`,
  };
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      component: { type: "application", name: "routes", version, "bom-ref": "routes" },
    },
    components: [...libraries, runtime],
  };
  return JSON.stringify(document, null, 2) + "\n";
}

/** A library of the lock file; npm has its SHA-512, JSR that of its manifest, a SHA-256. */
function libraryOf(name: string, specifier: string, lock: Lock) {
  const version = lock.specifiers[specifier];
  const [registry] = specifier.split(":") as ["jsr" | "npm"];
  const integrity = lock[registry][`${name}@${version}`]!.integrity;
  const hash = registry === "npm"
    ? { alg: "SHA-512", content: toHex(integrity.replace("sha512-", "")) }
    : { alg: "SHA-256", content: integrity };
  const purl = registry === "npm"
    ? `pkg:npm/${name}@${version}`
    : `pkg:generic/jsr/${name.replace("@", "%40")}@${version}`;
  return { type: "library", name, version, purl, hashes: [hash] };
}

function toHex(base64: string): string {
  return Uint8Array.fromBase64(base64).toHex();
}

/** What the files below a folder import that is no file of theirs. */
function importsOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return importsOf(path);
    if (!name.endsWith(".ts")) return [];
    const found = Deno.readTextFileSync(path).matchAll(/\b(?:from|import) "([^".][^"]*)"/g);
    return [...found].map(([, from]) => from!);
  });
}
