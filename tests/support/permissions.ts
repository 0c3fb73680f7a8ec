import { systemFolder } from "../../src/settings/read_access.ts";

const ROOT = `${import.meta.dirname}/../..`;

interface PermissionSet {
  net: boolean;
  read: string[];
  env: { allow: string[]; ignore: boolean };
  sys: string[];
}

/**
 * The permissions of the program as flags, from deno.json. The named set itself cannot be used: Deno resolves its paths
 * against the project, also in a compiled program, but paths of a flag against the working directory.
 */
export function permissionFlags(isWindows = Deno.build.os === "windows"): string[] {
  const config = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  const { read, env, sys } = config.permissions.default as PermissionSet;
  return [
    "--no-prompt",
    "--allow-net",
    `--allow-read=${
      read.map((place) => place === systemFolder(false) ? systemFolder(isWindows) : place).join()
    }`,
    `--allow-env=${env.allow.join()}`,
    "--ignore-env",
    `--allow-sys=${sys.join()}`,
  ];
}

/** The command for `routes` and its first arguments: the binary ROUTES_BIN, otherwise the sources. */
export function programCommand(importFlags: string[]): [command: string, args: string[]] {
  const binary = Deno.env.get("ROUTES_BIN");
  if (binary) return [binary, []];
  const config = ["--quiet", "--no-check", "--config", `${ROOT}/deno.json`];
  const run = ["run", ...config, ...importFlags, ...permissionFlags()];
  return [Deno.execPath(), [...run, `${ROOT}/src/main.ts`]];
}
