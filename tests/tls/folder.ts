import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { type Ended, quietEnv, type Running, spawn } from "../support/program.ts";
import type { Pair } from "../support/pki.ts";
import { PASSWORD, type TlsServices } from "./services.ts";

/** Settings of a section by key; null removes one. `<ssl>` is the address of that port, `<ssl:port>` its number. */
export type Section = Record<string, string | number | null>;

/** Who has a client certificate. */
export type Client = keyof TlsServices["clients"];
type PairFile = `${Client | "ca" | "otherCa"}.${"cert" | "key"}`;

/** Changes to a working setup. */
export interface Changes {
  kafka?: Section;
  postgresql?: Section;
  /** The settings file as text, instead of the sections. */
  text?: string;
  /** Whose certificate and key the folder has; null for none. */
  client?: Client | null;
  /** Other files by path, such as `rsa.key` for the key of that client; null removes a file. */
  files?: Record<string, PairFile | null>;
  /** Files with other contents, by path. */
  contents?: Record<string, string>;
  modes?: Record<string, number>;
  /** Any other change in the folder. */
  rearrange?(dir: string): Promise<void>;
}

/** A fault in the setup, and what `routes check` prints for it. */
export interface Fault {
  name: string;
  changes: Changes;
  /** Arguments after `check`. */
  args?: string[];
  code: number;
  /** In the form that shape() returns. */
  lines: string[];
}

const flags = await importFlags(() => {});

/** Writes settings and files to a new folder, in the layout of a download. */
export async function writeFolder(services: TlsServices, changes: Changes): Promise<string> {
  const { client = "ecdsa" } = changes;
  const { clients, ca, otherCa } = services;
  const pairs: Record<string, Pair> = { ...clients, ca, otherCa };
  const dir = await Deno.makeTempDir({ dir: services.dir, prefix: "setup-" });
  await Deno.mkdir(`${dir}/ssl`);
  const files = {
    "ssl/ca.pem": "ca.cert",
    "ssl/service.cert": client && `${client}.cert`,
    "ssl/service.key": client && `${client}.key`,
    ...changes.files,
  };
  for (const [path, source] of Object.entries(files)) {
    const [name, kind] = source?.split(".") ?? [];
    if (source) await Deno.copyFile(pairs[name!]![kind as keyof Pair], `${dir}/${path}`);
  }
  const kafka = { bootstrap_servers: "<ssl>", security_protocol: "SSL", ...changes.kafka };
  const postgresql = {
    host: "127.0.0.1",
    port: "<postgres:port>",
    user: "ann",
    password: PASSWORD,
    sslmode: "verify-full",
    ...changes.postgresql,
  };
  const settings = changes.text ?? section("kafka", kafka) + section("postgresql", postgresql);
  const text = Object.entries(portsOf(services)).reduce(
    (text, [name, port]) =>
      text.replaceAll(`<${name}>`, `127.0.0.1:${port}`).replaceAll(`<${name}:port>`, `${port}`),
    settings,
  );
  await Deno.writeTextFile(`${dir}/host_settings.ini`, text, { mode: 0o600 });
  for (const [path, text] of Object.entries(changes.contents ?? {})) {
    await Deno.writeTextFile(`${dir}/${path}`, text);
  }
  for (const [path, mode] of Object.entries(changes.modes ?? {})) {
    await Deno.chmod(`${dir}/${path}`, mode);
  }
  await changes.rearrange?.(dir);
  return dir;
}

function section(name: string, values: Section): string {
  const lines = Object.entries(values).filter(([, value]) => value !== null)
    .map(([key, value]) => `${key} = ${value}\n`);
  return `[${name}]\n${lines.join("")}\n`;
}

/** Runs the program in that folder with its own permissions; a run may take 10 s at most. */
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

/** Text with `<name>` for addresses, and without dates, which differ from run to run. */
export function shape(text: string, services: TlsServices): string {
  return Object.entries(portsOf(services))
    .reduce((text, [name, port]) => text.replaceAll(`127.0.0.1:${port}`, `<${name}>`), text)
    .replaceAll(/\d{4}-\d\d-\d\d(T\d\d:\d\dZ)?/g, "<day>");
}

function portsOf({ ports, postgres, plainPostgres }: TlsServices): Record<string, number> {
  return { ...ports, postgres: postgres.port, plainPostgres: plainPostgres.port };
}
