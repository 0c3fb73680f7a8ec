// The program's imports come from JSR and npm. Where JSR cannot be reached, npm has the same code without types.

const FALLBACK = ["--no-lock", "--import-map", `${import.meta.dirname}/import_map.json`];
const PROBE = 'import "@std/cli/parse-args"; import "@std/assert";';
const PATIENCE_MS = 4_000;

/** Flags for `deno run`, `test`, `check` and the like that make the program's imports resolve. */
export async function importFlags(say: (line: string) => void): Promise<string[]> {
  if (Deno.env.get("ROUTES_IMPORTS") === "npm") return FALLBACK;
  if (await resolves(["--cached-only"]) || await resolves([])) return [];
  say("JSR cannot be reached: @std comes from npm instead, untyped and unlocked");
  // For the tasks within this one.
  Deno.env.set("ROUTES_IMPORTS", "npm");
  return FALLBACK;
}

async function resolves(flags: string[]): Promise<boolean> {
  const probe = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--frozen", ...flags, PROBE],
    cwd: `${import.meta.dirname}/../..`,
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(PATIENCE_MS),
  });
  return (await probe.output()).success;
}
