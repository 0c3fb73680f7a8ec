// Other programs that read the output of this one. They are installed from a distribution, not by the tests.

/** A test that needs a program; without it the test is ignored. The name shows the package. */
export function readerTest(
  program: string,
  debianPackage: string,
  name: string,
  fn: () => Promise<void>,
): void {
  Deno.test({ name: `${name} [${debianPackage}]`, ignore: !isInstalled(program), fn });
}

function isInstalled(program: string): boolean {
  return (Deno.env.get("PATH") ?? "").split(":").some((dir) => {
    try {
      return Deno.statSync(`${dir}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

/** Returns what the program prints about a file with that text; throws if it fails. */
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
    const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors}`);
    return out!;
  } finally {
    await Deno.remove(path);
  }
}

/** Parses comma-separated text into objects; values contain neither quotes nor commas. */
export function objects(csv: string): Record<string, string>[] {
  const [names, ...rows] = csv.trim().split(/\r?\n/).map((line) =>
    line.split(",").map((cell) => cell.replaceAll('"', ""))
  );
  return rows.map((row) => Object.fromEntries(names!.map((name, i) => [name, row[i] ?? ""])));
}
