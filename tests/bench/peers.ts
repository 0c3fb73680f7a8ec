import { cacheDir, once, runChild } from "../support/child.ts";
import { testSettings } from "../support/fixtures.ts";

/** Other programs for the same work; null if they are not installed. */
export interface Peers {
  /** A script in peers/, with the services of the tests. */
  python: ((script: string, args: string[], env?: Record<string, string>) => Deno.Command) | null;
  psql: ((database: string, args: string[]) => Deno.Command) | null;
}

const HERE = `${import.meta.dirname}/peers`;

/** Finds them; installs the Python packages once, outside the project. */
export async function findPeers(say: (line: string) => void): Promise<Peers> {
  const { servers: [{ host, port }], user } = testSettings().postgresql;
  const psql = await works("psql", ["--version"]);
  const python: string | null = await installPython(say).catch((error) => {
    say(`no Python: ${(error as Error).message.trim().split("\n").at(-1)}`);
    return null;
  });
  return {
    python: python === null ? null : (script, args, env = {}) =>
      new Deno.Command(python, {
        args: [`${HERE}/${script}`, ...args],
        env,
        stdout: "null",
        stderr: "piped",
      }),
    psql: !psql ? null : (database, args) =>
      new Deno.Command("psql", {
        args: ["-qX", "-h", host, "-p", String(port), "-U", user!, "-d", database, ...args],
        stdout: "null",
        stderr: "piped",
      }),
  };
}

async function installPython(say: (line: string) => void): Promise<string> {
  const wanted = await Deno.readFile(`${HERE}/requirements.txt`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", wanted)).toHex().slice(0, 8);
  const home = await once(`${cacheDir()}/bench-python-${hash}`, async (draft) => {
    say("installing the Python peers");
    await runChild("python3", { args: ["-m", "venv", draft], name: "python3 -m venv" });
    await runChild(`${draft}/bin/python`, {
      args: ["-m", "pip", "install", "-q", "-r", `${HERE}/requirements.txt`],
      name: "pip",
    });
  });
  return `${home}/bin/python`;
}

async function works(program: string, args: string[]): Promise<boolean> {
  return await runChild(program, { args, name: program }).then(() => true, () => false);
}
