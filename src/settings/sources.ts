import { parseIni } from "./ini.ts";
import { folderOf } from "./paths.ts";
import { suggest } from "../suggest.ts";
import { mistakeIn, variableOf } from "./variables.ts";

/** Where the settings come from. */
export interface Sources {
  /** The settings file that was read, if any. */
  file: { path: string; text: string } | null;
  env: (name: string) => string | undefined;
  /** The names of the variables that are set. */
  envNames: string[];
  /** `section.key=value` each. */
  set: string[];
  exists: (path: string) => boolean;
  isWindows: boolean;
}

/** The value of a key, and where it was set. */
interface Value {
  text: string;
  /** Where it was set, for messages: a line of the file, a variable or `-X`. */
  where: string;
  /** Relative paths start here; empty: the working folder. */
  folder: string;
}

/** Values by `section.key`, where the key is its first name. */
export type SettingValues = Map<string, Value>;

/** Each key, with its other names. */
export const KEYS: Record<"kafka" | "postgresql" | "http", Record<string, string[]>> = {
  kafka: {
    bootstrap_servers: ["service_uri", "brokers"],
    security_protocol: [],
    ssl_cafile: ["ca"],
    ssl_certfile: ["cert"],
    ssl_keyfile: ["key"],
    ssl_ca_pem: [],
    ssl_cert_pem: [],
    ssl_key_pem: [],
    ssl_password: [],
    ssl_check_hostname: [],
    sasl_mechanism: [],
    sasl_plain_username: ["sasl_username"],
    sasl_plain_password: ["sasl_password"],
    topic: [],
    group_id: [],
    group_instance_id: [],
    client_id: [],
    client_rack: [],
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
    require_auth: [],
    channel_binding: [],
    sslrootcert: [],
    sslcert: [],
    sslkey: [],
    ssl_ca_pem: [],
    ssl_cert_pem: [],
    ssl_key_pem: [],
    sslpassword: [],
    target_session_attrs: [],
    load_balance_hosts: [],
    maintenance_db: [],
    application_name: [],
    connect_timeout: [],
    statement_timeout: [],
    pool_max: [],
  },
  http: {
    token: [],
  },
};

const SECRETS = [
  "password",
  "ssl_password",
  "ssl_key_pem",
  "sslpassword",
  "sasl_plain_password",
  "service_uri",
  "token",
];

/** What `-X` sets: `kafka.topic` and so on, without secrets. */
export const SETTABLE = Object.entries(KEYS).flatMap(([section, keys]) =>
  Object.keys(keys).filter((key) => !SECRETS.includes(key)).map((key) => `${section}.${key}`)
);

/** Values from file, environment and `-X`, each overriding the one before; mistakes go to `faults`. */
export function collect(sources: Sources, faults: string[]): SettingValues {
  const values: SettingValues = new Map();
  if (sources.file) takeFile(values, sources.file, sources.isWindows, faults);
  takeEnvironment(values, sources, faults);
  for (const text of sources.set) takeOption(values, text, faults);
  return values;
}

function takeFile(
  values: SettingValues,
  { path, text }: { path: string; text: string },
  isWindows: boolean,
  faults: string[],
): void {
  const { entries, sections, faults: broken } = parseIni(text);
  const folder = folderOf(path, isWindows);
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
      found.push({ line, message: `"${key}" sets the same key as ${first}` });
    } else if (value !== "") {
      values.set(`${section}.${name}`, { text: value, where: `${path} line ${line}`, folder });
    }
  }
  found.sort((a, b) => a.line - b.line);
  for (const { line, message } of found) faults.push(`${path} line ${line}: ${message}`);
}

function takeEnvironment(
  values: SettingValues,
  { env, envNames }: Pick<Sources, "env" | "envNames">,
  faults: string[],
): void {
  const known: Record<string, string[]> = {};
  for (const [section, keys] of Object.entries(KEYS)) {
    known[section] = [];
    for (const [key, others] of Object.entries(keys)) {
      known[section].push(key, ...others);
      const names = [key, ...others].map((name) => variableOf(section, name));
      const [where, duplicate] = names.filter((name) => env(name));
      if (duplicate) faults.push(`${duplicate}: sets the same key as ${where}`);
      if (!where) continue;
      // Secrets that are mounted as files often end with a newline.
      const text = env(where)!.replace(/\r?\n$/, "");
      if (text.includes(REPLACED)) faults.push(`${where}: is not UTF-8 text`);
      values.set(`${section}.${key}`, { text, where, folder: "" });
    }
  }
  for (const name of envNames) {
    const mistake = mistakeIn(name, env(name) ?? "", known);
    if (mistake) faults.push(`${name}: unknown variable: ${mistake}`);
  }
}

/** What the runtime puts in place of bytes that are not UTF-8. */
const REPLACED = "\ufffd";

/** Whether a text of settings sets a secret: a password, or an address with one. */
export function setsSecret(text: string): boolean {
  return parseIni(text).entries.some(({ section, key, value }) => {
    const name = isSection(section) ? canonical(section, key) : null;
    if (name === null || !SECRETS.includes(name)) return false;
    return name === "service_uri" ? /:\/\/[^/@]*:[^@]+@/.test(value) : value !== "";
  });
}

/** One `-X`. An empty value is refused: it is often a variable of a shell that is not set, and any other choice hides that. */
function takeOption(values: SettingValues, option: string, faults: string[]): void {
  const match = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(option);
  // The text after the name may be a secret.
  if (!match) {
    const name = /^[\w.]*/.exec(option)![0];
    const section = sectionOf(name);
    const hint = section ? `: did you mean "${section}.${name}"?` : "";
    return void faults.push(`-X ${name}: expected SECTION.KEY=VALUE${hint}`);
  }
  const [section, key] = [match[1]!.trim().toLowerCase(), match[2]!.trim().toLowerCase()];
  const where = `-X ${section}.${key}`;
  if (!isSection(section)) return void faults.push(`${where}: ${unknownSection(section)}`);
  const name = canonical(section, key);
  if (!name) return void faults.push(`${where}: ${unknownKey(section, key)}`);
  if (SECRETS.includes(name)) {
    const variable = variableOf(section, name);
    return void faults.push(
      `${where}: a secret would show in the list of processes; use the file or ${variable}`,
    );
  }
  const text = match[3]!;
  if (text === "") {
    return void faults.push(`${where}: is empty: without this -X, the file or the default counts`);
  }
  values.set(`${section}.${name}`, { text, where, folder: "" });
}

/** What a value that is no secret seems to contain by mistake, as advice; null: nothing. */
export function oddityIn(name: string, text: string): string | null {
  const key = name.replace(/^.*\./, "");
  if (SECRETS.includes(key) || key.endsWith("_pem")) return null;
  if (/[ \t][;#]/.test(text)) return "a comment needs a line of its own";
  return /^'.*'$/.test(text) ? "the single quotes are part of the value" : null;
}

function isSection(name: string): name is keyof typeof KEYS {
  return Object.hasOwn(KEYS, name);
}

/** The first name of a key, by any of its names; null for an unknown key. */
export function canonical(section: keyof typeof KEYS, key: string): string | null {
  const keys = Object.entries(KEYS[section]);
  return keys.find(([name, others]) => name === key || others.includes(key))?.[0] ?? null;
}

function unknownSection(name: string): string {
  return `unknown section [${name}]${didYouMean(name, Object.keys(KEYS))}`;
}

function unknownKey(section: keyof typeof KEYS, key: string): string {
  // Text that is not a name may be a secret without its key.
  if (!/^[\w.-]+$/.test(key)) return `unknown key in [${section}]: expected "key = value"`;
  const other = sectionOf(key);
  const known = Object.entries(KEYS[section]).flatMap(([name, others]) => [name, ...others]);
  const hint = other ? `: it is a key of [${other}]` : didYouMean(key, known);
  return `unknown key "${key}" in [${section}]${hint}`;
}

/** The section that has a key of this name; null: none has. */
function sectionOf(key: string): string | null {
  return Object.keys(KEYS).find((section) => canonical(section as keyof typeof KEYS, key)) ?? null;
}

/** `: did you mean "…"?` when a known word is similar, else empty. */
export function didYouMean(word: string, known: readonly string[]): string {
  const name = suggest(word, [...known]);
  return name ? `: did you mean "${name}"?` : "";
}
