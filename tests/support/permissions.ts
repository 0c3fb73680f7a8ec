const ROOT = `${import.meta.dirname}/../..`;

interface PermissionSet {
  net: boolean;
  read: string[];
  env: { allow: string[]; ignore: boolean };
}

/**
 * The permissions of the program as flags, out of the one named set in deno.json. As a set they would not do: Deno resolves
 * paths of a set against the project, also in a compiled program, and paths of a flag against the folder it runs in.
 */
export function permissionFlags(): string[] {
  const config = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  const { read, env } = config.permissions.default as PermissionSet;
  return [
    "--no-prompt",
    "--allow-net",
    `--allow-read=${read.join()}`,
    `--allow-env=${env.allow.join()}`,
    "--ignore-env",
  ];
}

/** What to start, and with which arguments before its own, for `routes`: ROUTES_BIN, else the sources. */
export function programCommand(importFlags: string[]): [command: string, args: string[]] {
  const binary = Deno.env.get("ROUTES_BIN");
  if (binary) return [binary, []];
  const config = ["--quiet", "--no-check", "--config", `${ROOT}/deno.json`];
  const run = ["run", ...config, ...importFlags, ...permissionFlags()];
  return [Deno.execPath(), [...run, `${ROOT}/src/main.ts`]];
}
