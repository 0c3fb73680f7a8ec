// The program's imports come from JSR and npm. If JSR cannot be reached, npm has the same code without types.

const FALLBACK = ["--no-lock", "--import-map", `${import.meta.dirname}/import_map.json`];
const PROBE = 'import "@std/cli/parse-args"; import "@std/assert";';
const TIMEOUT_MS = 4_000;

/** Whether a release is built: with exactly what deno.lock names, or not at all. */
export function isRelease(): boolean {
  return Deno.env.has("ROUTES_RELEASE");
}

/** Flags for `deno run`, `test`, `check` and others that resolve the program's imports. */
export async function importFlags(say: (line: string) => void): Promise<string[]> {
  if (Deno.env.get("ROUTES_IMPORTS") === "npm") return FALLBACK;
  if (await resolves(["--cached-only"]) || await resolves([])) return [];
  if (isRelease()) throw new Error("JSR cannot be reached: a release needs its own imports");
  say("JSR cannot be reached: @std comes from npm instead, untyped and unlocked");
  // For child processes.
  Deno.env.set("ROUTES_IMPORTS", "npm");
  return FALLBACK;
}

async function resolves(flags: string[]): Promise<boolean> {
  const probe = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--frozen", ...flags, PROBE],
    cwd: `${import.meta.dirname}/../..`,
    stdout: "null",
    stderr: "null",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  return (await probe.output()).success;
}
