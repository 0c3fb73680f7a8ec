// Programs by others that read what this one writes. They come with a distribution, and nothing here installs them.

/** A test that needs a program; where it is missing the test is ignored, and its name says which package has it. */
export function readerTest(
  program: string,
  debianPackage: string,
  name: string,
  fn: () => Promise<void>,
): void {
  Deno.test({ name: `${name} [${debianPackage}]`, ignore: !isThere(program), fn });
}

function isThere(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((dir) => {
    try {
      return Deno.statSync(`${dir}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** What the program prints about a file with that text; throws when it fails. */
export async function read(
  program: string,
  text: string,
  ending: string,
  args: (path: string) => string[],
): Promise<string> {
  const path = await Deno.makeTempFile({ suffix: `.${ending}` });
  try {
    await Deno.writeTextFile(path, text);
    const { code, stdout, stderr } = await new Deno.Command(program, { args: args(path) }).output();
    const [out, complaint] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${complaint}`);
    return out!;
  } finally {
    await Deno.remove(path);
  }
}

/** Comma-separated text as objects, without quotes or commas inside of them. */
export function objects(csv: string): Record<string, string>[] {
  const [names, ...rows] = csv.trim().split(/\r?\n/).map((line) =>
    line.split(",").map((cell) => cell.replaceAll('"', ""))
  );
  return rows.map((row) => Object.fromEntries(names!.map((name, i) => [name, row[i] ?? ""])));
}
