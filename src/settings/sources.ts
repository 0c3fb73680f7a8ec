import { parseIni } from "./ini.ts";
import { suggest } from "../suggest.ts";

/** What the settings come from. */
export interface Sources {
  /** The settings file that was read, if any. */
  file: { path: string; text: string } | null;
  env: (name: string) => string | undefined;
  /** `section.key=value` each. */
  set: string[];
  exists: (path: string) => boolean;
}

/** What a key is set to, and who says so. */
export interface Value {
  text: string;
  /** For messages: a line of the file, a variable, `-X`. */
  where: string;
  /** Relative paths belong to it; empty: to where the program was started. */
  folder: string;
}

/** By `section.key`, the key under its first name. */
export type Values = Map<string, Value>;

/** Key of the settings, and other names it goes by. */
export const KEYS: Record<"kafka" | "postgresql", Record<string, string[]>> = {
  kafka: {
    bootstrap_servers: ["service_uri", "brokers"],
    security_protocol: [],
    ssl_cafile: ["ca"],
    ssl_certfile: ["cert"],
    ssl_keyfile: ["key"],
    ssl_password: [],
    ssl_check_hostname: [],
    sasl_mechanism: [],
    sasl_plain_username: ["sasl_username"],
    sasl_plain_password: ["sasl_password"],
    topic: [],
    group_id: [],
    client_id: [],
    session_timeout: [],
  },
  postgresql: {
    service_uri: ["dsn"],
    host: [],
    port: [],
    user: [],
    password: [],
    dbname: ["database"],
    schema: [],
    sslmode: [],
    sslrootcert: [],
    sslcert: [],
    sslkey: [],
    sslpassword: [],
    maintenance_db: [],
    application_name: [],
    connect_timeout: [],
    statement_timeout: [],
    pool_max: [],
  },
};

const SECRETS = ["password", "ssl_password", "sslpassword", "sasl_plain_password", "service_uri"];

/** What is set by file, environment and `-X`, each over the one before; what is wrong is noted in `faults`. */
export function collect(sources: Sources, faults: string[]): Values {
  const values: Values = new Map();
  if (sources.file) takeFile(values, sources.file, faults);
  takeEnvironment(values, sources.env, faults);
  for (const text of sources.set) takeOption(values, text, faults);
  return values;
}

function takeFile(
  values: Values,
  { path, text }: { path: string; text: string },
  faults: string[],
): void {
  const { entries, sections, faults: broken } = parseIni(text);
  const folder = folderOf(path);
  const found = broken.map(({ line, message }) => ({ line, message }));
  for (const { name, line } of sections) {
    if (!isSection(name)) found.push({ line, message: unknownSection(name) });
  }
  for (const { section, key, value, line } of entries) {
    if (!isSection(section)) continue;
    const name = canonical(section, key);
    const before = values.get(`${section}.${name}`);
    if (!name) found.push({ line, message: unknownKey(section, key) });
    else if (before) {
      const first = before.where.replace(/^.* line/, "line");
      found.push({ line, message: `"${key}" says again what ${first} says` });
    } else if (value !== "") {
      values.set(`${section}.${name}`, { text: value, where: `${path} line ${line}`, folder });
    }
  }
  found.sort((a, b) => a.line - b.line);
  for (const { line, message } of found) faults.push(`${path} line ${line}: ${message}`);
}

function takeEnvironment(values: Values, env: Sources["env"], faults: string[]): void {
  for (const [section, keys] of Object.entries(KEYS)) {
    for (const [key, others] of Object.entries(keys)) {
      const given = [key, ...others].map((name) => `ROUTES_${section}_${name}`.toUpperCase())
        .filter((name) => env(name));
      const [where, again] = given;
      if (again) faults.push(`${again}: says again what ${where} says`);
      if (where) values.set(`${section}.${key}`, { text: env(where)!, where, folder: "" });
    }
  }
}

/** One `-X`; set to nothing it takes a setting away. */
function takeOption(values: Values, option: string, faults: string[]): void {
  const match = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(option);
  // What follows the name may be a secret.
  if (!match) return void faults.push(`-X ${/^[\w.]*/.exec(option)}: expected SECTION.KEY=VALUE`);
  const [section, key] = [match[1]!.trim().toLowerCase(), match[2]!.trim().toLowerCase()];
  const where = `-X ${section}.${key}`;
  if (!isSection(section)) return void faults.push(`${where}: ${unknownSection(section)}`);
  const name = canonical(section, key);
  if (!name) return void faults.push(`${where}: ${unknownKey(section, key)}`);
  if (SECRETS.includes(name)) {
    const variable = `ROUTES_${section}_${name}`.toUpperCase();
    return void faults.push(
      `${where}: a secret would show in the list of processes; use the file or ${variable}`,
    );
  }
  if (match[3] === "") values.delete(`${section}.${name}`);
  else values.set(`${section}.${name}`, { text: match[3]!, where, folder: "" });
}

/** The folder of a file, with the slash behind it. */
export function folderOf(path: string): string {
  return path.replace(/[^/\\]*$/, "");
}

function isSection(name: string): name is keyof typeof KEYS {
  return Object.hasOwn(KEYS, name);
}

/** The first name of a key that may go by another; null when it is not known. */
export function canonical(section: keyof typeof KEYS, key: string): string | null {
  const keys = Object.entries(KEYS[section]);
  return keys.find(([name, others]) => name === key || others.includes(key))?.[0] ?? null;
}

function unknownSection(name: string): string {
  return `unknown section [${name}]${meant(name, Object.keys(KEYS))}`;
}

function unknownKey(section: keyof typeof KEYS, key: string): string {
  // What is no name may be a secret that lost its own.
  if (!/^[\w.-]+$/.test(key)) return `unknown key in [${section}]: expected "key = value"`;
  const known = Object.entries(KEYS[section]).flatMap(([name, others]) => [name, ...others]);
  return `unknown key "${key}" in [${section}]${meant(key, known)}`;
}

/** `: did you mean "…"?` where a known word is near. */
export function meant(word: string, known: readonly string[]): string {
  const name = suggest(word, [...known]);
  return name ? `: did you mean "${name}"?` : "";
}
