import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { type Ended, quietEnv, type Running, spawn } from "../support/program.ts";
import { PASSWORD, type TlsServices } from "./services.ts";

/** Settings of a section by key; null takes one out. */
export type Section = Record<string, string | number | null>;

/** Changes to a working setup. */
export interface Changes {
  kafka?: Section;
  postgresql?: Section;
  /** Instead of the settings as a file. */
  text?: string;
  /** Files by their path, as `ssl/ca.pem`: copied from there; null takes one away. */
  files?: Record<string, string | null>;
  /** Makes any other change in the folder. */
  spoil?(dir: string): Promise<void>;
}

const flags = await importFlags(() => {});

/** Writes settings and files to a new folder, in the layout of a download. */
export async function writeFolder(services: TlsServices, changes: Changes): Promise<string> {
  const { clients, ca, ports, postgres } = services;
  const dir = await Deno.makeTempDir({ dir: services.dir, prefix: "stand-" });
  await Deno.mkdir(`${dir}/ssl`);
  const files = {
    "ssl/ca.pem": ca.cert,
    "ssl/service.cert": clients.ecdsa.cert,
    "ssl/service.key": clients.ecdsa.key,
    ...changes.files,
  };
  for (const [path, source] of Object.entries(files)) {
    if (source) await Deno.copyFile(source, `${dir}/${path}`);
  }
  const kafka = {
    bootstrap_servers: `127.0.0.1:${ports.ssl}`,
    security_protocol: "SSL",
    ...changes.kafka,
  };
  const postgresql = {
    host: "127.0.0.1",
    port: postgres.port,
    user: "ann",
    password: PASSWORD,
    sslmode: "verify-full",
    ...changes.postgresql,
  };
  const text = changes.text ?? section("kafka", kafka) + section("postgresql", postgresql);
  await Deno.writeTextFile(`${dir}/host_settings.ini`, text, { mode: 0o600 });
  await changes.spoil?.(dir);
  return dir;
}

function section(name: string, values: Section): string {
  const lines = Object.entries(values).filter(([, value]) => value !== null)
    .map(([key, value]) => `${key} = ${value}\n`);
  return `[${name}]\n${lines.join("")}\n`;
}

/** The program in that folder, with the permissions that users give it; no failure may take longer than 10 s. */
export async function routes(
  dir: string,
  args: string[],
  env: Record<string, string> = {},
): Promise<Ended> {
  const [command, before] = programCommand(flags);
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args: [...before, ...args],
    cwd: dir,
    clearEnv: true,
    env: { ...quietEnv(), ...env },
    stdin: "null",
    signal: AbortSignal.timeout(10_000),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** Starts the program in that folder and does not wait for its end. */
export function follow(dir: string, args: string[]): Running {
  const [command, before] = programCommand(flags);
  return spawn(command, [...before, ...args], { cwd: dir, env: quietEnv(), stdin: undefined });
}

/** The lines of a fault, each ✗ with what is indented below it. */
export function faultsOf(text: string): string {
  return (text.match(/^✗ .*\n(?: {4}.*\n)*/gm) ?? []).join("");
}

/** Text with ports by their names, and without dates, which differ from run to run. */
export function shape(text: string, { ports, postgres, plainPostgres }: TlsServices): string {
  const named = { ...ports, postgres: postgres.port, plainPostgres: plainPostgres.port };
  return Object.entries(named)
    .reduce((text, [name, port]) => text.replaceAll(`127.0.0.1:${port}`, `<${name}>`), text)
    .replaceAll(/\d{4}-\d\d-\d\d(T\d\d:\d\dZ)?/g, "<day>");
}
