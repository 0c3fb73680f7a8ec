/** A change of one function. */
export interface Change {
  file: string;
  /** A top-level function, or a method as `Class.method`. */
  function: string;
  /** Gets the source of the function and returns the changed source. */
  change: (source: string) => string;
}

/** The program with one part of the guarantee removed: some row must fail. */
export interface Mutant {
  name: string;
  changes: Change[];
  /** Rows that may fail; one failure is enough. */
  rows: number[];
  /** Why no row can fail: then all of them must pass. */
  harmless?: string;
}

/** Replaces the one place in a function that consists of these tokens; white space does not matter. */
export function swap(from: string, to: string): Change["change"] {
  const tokens = from.match(/\w+|[^\w\s]/g)!;
  const pattern = tokens.map((token, i) => {
    const isWord = /\w/.test(token) && /\w/.test(tokens[i - 1] ?? "");
    return (isWord ? "\\s+" : "\\s*") + token.replace(/[^\w]/, "\\$&");
  }).join("").replace(/^\\s\*/, "");
  return (source) => {
    const found = source.match(new RegExp(pattern, "g")) ?? [];
    if (found.length !== 1) throw new Error(`contains "${from}" ${found.length} times, not once`);
    return source.replace(found[0], () => to);
  };
}

/** The files that a mutant changes, with their new contents; an error names mutant, file and function. */
export function mutate(mutant: Mutant, read: (file: string) => string): Map<string, string> {
  const files = new Map<string, string>();
  for (const { file, function: name, change } of mutant.changes) {
    const text = files.get(file) ?? read(file);
    const fail = (reason: string) => {
      throw new Error(`mutant "${mutant.name}": ${name} in ${file} ${reason}`);
    };
    const source = findFunction(text, name) ?? fail("does not exist");
    let changed = source;
    try {
      changed = change(source);
    } catch (error) {
      fail((error as Error).message);
    }
    if (changed === source) fail("is not changed");
    files.set(file, text.replace(source, () => changed));
  }
  return files;
}

/** The source of a function, from its name to its closing brace; null if there is none. */
export function findFunction(text: string, name: string): string | null {
  const [className, method] = name.split(".");
  if (method === undefined) return findBlock(text, `function\\*? ${name}\\b`, "");
  const body = findBlock(text, `class ${className}\\b`, "");
  return body && findBlock(body, `\\*?${method}\\s*[<(]`, "  ");
}

/** Relies on the indentation of `deno fmt`: a block ends with the first brace that stands as far left as its beginning. */
function findBlock(text: string, declaration: string, indent: string): string | null {
  const begin = new RegExp(`^${indent}(?:(?:export|async|static|get|set) )*${declaration}`, "m");
  const at = text.search(begin);
  return at < 0 ? null : new RegExp(`^.*?\\n${indent}\\}$`, "ms").exec(text.slice(at))?.[0] ?? null;
}

const ROOT = new URL("../..", import.meta.url).pathname;

/** Reads a file of the project. */
export function readSource(file: string): string {
  return Deno.readTextFileSync(ROOT + file);
}

/** Copies the program into a folder. */
export async function copyProgram(into: string): Promise<void> {
  const from = ["src", "deno.json", "deno.lock"].map((name) => ROOT + name);
  const { success } = await new Deno.Command("cp", { args: ["-r", ...from, into] }).output();
  if (!success) throw new Error(`cannot copy the program into ${into}`);
}
