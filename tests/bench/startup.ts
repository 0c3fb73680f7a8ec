// `deno task startup` compares the start of `routes` with that of an empty program, compiled in the same way. The fastest
// of many runs counts, because other work on the machine only adds time.

const RUNS = 25;
/** The allowed ratio to the empty program. */
const LIMIT = 1.75;

/** Compares the program at that path with an empty one; prints the times, and returns an exit code. */
export async function startup(program: string, print: (line: string) => void): Promise<number> {
  const dir = await Deno.makeTempDir({ prefix: "routes-startup-" });
  try {
    const empty = `${dir}/empty`;
    await Deno.writeTextFile(`${empty}.ts`, "");
    const flags = ["--quiet", "--no-check", "--no-config", "--no-code-cache", "--no-prompt"];
    const compiled = await new Deno.Command(Deno.execPath(), {
      args: ["compile", ...flags, "--output", empty, `${empty}.ts`],
    }).spawn().status;
    if (!compiled.success) return 1;
    const lines = [[empty], [program, "--help"], [program, "version"]];
    const fastest = lines.map(() => Infinity);
    for (let run = 0; run < RUNS; run++) {
      for (const [i, [command, ...args]] of lines.entries()) {
        const begin = performance.now();
        const { success } = await new Deno.Command(command!, { args, stdout: "null" }).output();
        if (!success) throw new Error(`${lines[i]!.join(" ")} failed`);
        fastest[i] = Math.min(fastest[i]!, performance.now() - begin);
      }
    }
    const times = fastest.map((ms) => ms / fastest[0]!);
    for (const [i, name] of ["an empty program", "routes --help", "routes version"].entries()) {
      const ms = fastest[i]!.toFixed(1).padStart(6);
      print(`${name.padEnd(17)}${ms} ms  ${times[i]!.toFixed(2)}x`);
    }
    return Math.max(...times) <= LIMIT ? 0 : 1;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
