import { type Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { CERTIFICATE_FOLDERS } from "../settings/settings.ts";
import type { TlsFiles } from "../settings/reader.ts";
import { OperationalError, type Remedy, shellWord } from "../errors.ts";
import { TLS_SETTINGS } from "./explain.ts";
import type { FileMode } from "../system.ts";

/** What looking at files takes. */
export interface Files {
  /** Throws where the file is not there, or not to be read. */
  readFile(path: string): Uint8Array;
  /** Null where files have no mode. */
  mode(path: string): FileMode | null;
  now(): number;
}

/** Something that was looked at: what was seen, or what is wrong with it. */
export interface Finding {
  seen: string;
  /** True though it will not be for long, or not as good as it could be. */
  warning?: string;
  fault?: OperationalError;
}

const DAY_MS = 86_400_000;
/** With fewer days left a certificate is warned of. */
export const WARN_DAYS = 30;
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Looks at the files of one connection before it is tried; clients answer a wrong one with silence or a riddle. */
export function inspectFiles(
  section: "kafka" | "postgresql",
  { ca, cert, key, passphrase }: TlsFiles,
  files: Files,
): Finding[] {
  const setting = (name: keyof typeof TLS_SETTINGS.kafka) =>
    `[${section}] ${TLS_SETTINGS[section][name]}`;
  const findings: Finding[] = [];
  const look = <T>(what: string, work: () => { value: T } & Finding): T | null => {
    try {
      const { value, ...finding } = work();
      findings.push(finding);
      return value;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      findings.push({ seen: what, fault: error });
      return null;
    }
  };
  if (ca) look("CA", () => readAuthorities(ca, setting("ca"), files));
  const chain = cert && look("certificate", () => readChain(cert, setting("cert"), files));
  const secret = key && look("key", () => {
    const value = readKey(key, passphrase, {
      key: setting("key"),
      passphrase: setting("passphrase"),
    }, files);
    const fault = openToOthers(key, files);
    if (fault) throw fault;
    return { value, seen: `key "${key}"` };
  });
  const fault = chain && secret
    ? misfit(chain, secret, { cert: cert!, key: key!, setting })
    : half({ cert, key, setting });
  return fault ? [...findings, { seen: "pair", fault }] : findings;
}

/** Name of a setting in its section. */
type Setting = (name: "cert" | "key") => string;

/** What is wrong with a certificate and a key that belong together. */
function misfit(
  [leaf, ...others]: X509Certificate[],
  secret: KeyObject,
  { cert, key, setting }: { cert: string; key: string; setting: Setting },
): OperationalError | null {
  const own = spki(createPublicKey(secret));
  const isOwn = ({ publicKey }: X509Certificate) => spki(publicKey).equals(own);
  if (isOwn(leaf!)) return null;
  if (others.some(isOwn)) {
    return new OperationalError(
      "settings",
      `"${cert}" begins with the certificate of somebody else`,
      {
        reason: `that of key "${key}" comes later in the file`,
        hint: "put that first, and those that vouch for it behind",
      },
    );
  }
  return new OperationalError("settings", `key "${key}" does not fit certificate "${cert}"`, {
    reason: `${setting("cert")} and ${setting("key")} name files of two different pairs`,
    hint: "download both again, at the same time",
  });
}

/** A public key as certificates carry it, so that two can be compared. */
function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

/** Certificate and key come together. */
function half(
  { cert, key, setting }: { cert: string | null; key: string | null; setting: Setting },
): OperationalError | null {
  if (Boolean(cert) === Boolean(key)) return null;
  const [given, missing] = cert ? ["cert", "key"] as const : ["key", "cert"] as const;
  const text = `${setting(missing)} is missing: ${setting(given)} is given`;
  return new OperationalError("settings", text, {
    hint: `set ${setting(missing)} too`,
  });
}

/** Throws the first thing that is wrong with them; says what will not be right for long. */
export function requireFiles(
  section: "kafka" | "postgresql",
  tls: TlsFiles,
  files: Files,
  warn: (line: string) => void,
): void {
  for (const { fault, warning } of inspectFiles(section, tls, files)) {
    if (fault) throw fault;
    if (warning) warn(warning);
  }
}

/** What is wrong with a file that is to be its owner's alone, as ssh and libpq have it; one of root's may be its group's. */
export function openToOthers(path: string, { mode }: Pick<Files, "mode">): OperationalError | null {
  const found = mode(path);
  if (!found || (found.mode & (found.uid === 0 ? 0o037 : 0o077)) === 0) return null;
  const text = `"${path}" can be read by others: its mode is ${octal(found.mode)}`;
  return new OperationalError("noPermission", text, { hint: `chmod 600 ${shellWord(path)}` });
}

function read(path: string, setting: string, { readFile }: Files): Uint8Array {
  try {
    return readFile(path);
  } catch (error) {
    const { name } = error as Error;
    const reason = `${setting} names it, or stands for it by default`;
    if (name === "NotFound") {
      throw new OperationalError("noInput", `cannot read "${path}": file does not exist`, {
        reason,
        hint: `put the file there, or correct ${setting}`,
      });
    }
    if (name === "PermissionDenied") {
      throw new OperationalError("noPermission", `cannot read "${path}": permission denied`, {
        reason,
        hint: `make it a file of the user who runs this: chown "$USER" ${shellWord(path)}`,
      });
    }
    if (name === "NotCapable") {
      throw new OperationalError("noPermission", `not permitted to read "${path}"`, {
        reason: [reason, `certificates and keys are read from ${CERTIFICATE_FOLDERS.join(", ")}`],
        hint: `put it, or a link to it, into one of those, and correct ${setting}`,
        cause: error,
      });
    }
    if (name === "IsADirectory") {
      throw new OperationalError("settings", `cannot read "${path}": it is a folder`, {
        hint: `correct ${setting}`,
      });
    }
    throw error;
  }
}

/** Authorities to trust: some may have had their time, as in a bundle, as long as one is left. */
function readAuthorities(path: string, setting: string, files: Files) {
  const all = readCertificates(path, setting, files);
  const valid = all.filter((one) => outOfDate(one, path, "CA certificate", files) === null);
  const until = Math.max(...valid.map(({ validTo }) => Date.parse(validTo)));
  if (valid.length === 0) throw outOfDate(all[0]!, path, "CA certificate", files);
  return { value: valid, ...tellUntil(until, `CA certificate "${path}"`, files) };
}

/** A certificate of one's own, and those that vouch for it: each is needed. */
function readChain(path: string, setting: string, files: Files) {
  const chain = readCertificates(path, setting, files);
  for (const one of chain) {
    const wrong = outOfDate(one, path, "certificate", files);
    if (wrong) throw wrong;
  }
  const until = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
  return { value: chain, ...tellUntil(until, `certificate "${path}"`, files) };
}

function readCertificates(path: string, setting: string, files: Files): X509Certificate[] {
  return blocksOf(path, read(path, setting, files), "CERTIFICATE", setting).map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw broken(path, "a certificate that cannot be decoded", setting, { cause });
    }
  });
}

/** Whole days from now until then, both in milliseconds since 1970. */
export function daysLeft(untilMs: number, nowMs: number): number {
  return Math.floor((untilMs - nowMs) / DAY_MS);
}

function tellUntil(until: number, what: string, { now }: Files): Finding {
  const days = daysLeft(until, now());
  return {
    seen: `${what}, valid until ${day(until)}, ${days} days left`,
    ...(days < WARN_DAYS && { warning: `${what} expires in ${days} days, on ${day(until)}` }),
  };
}

/** What is wrong with the dates. */
function outOfDate(
  { validFrom, validTo }: X509Certificate,
  path: string,
  what: string,
  { now }: Files,
): OperationalError | null {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  if (now() >= to) {
    return new OperationalError("settings", `${what} "${path}" has expired: on ${day(to)}`, {
      hint: "download a new one",
    });
  }
  if (now() < from) {
    return new OperationalError(
      "settings",
      `${what} "${path}" is not yet valid: from ${day(from)} on`,
      {
        reason: `the clock of this machine says ${new Date(now()).toISOString().slice(0, 16)}Z`,
        hint: "set the clock, or wait",
      },
    );
  }
  return null;
}

function readKey(
  path: string,
  passphrase: string | null,
  setting: { key: string; passphrase: string },
  files: Files,
): KeyObject {
  const [block] = blocksOf(path, read(path, setting.key, files), "PRIVATE KEY", setting.key);
  const isEncrypted = block!.includes("ENCRYPTED");
  if (isEncrypted && !passphrase) {
    throw new OperationalError("settings", `key "${path}" is encrypted: a passphrase is needed`, {
      hint: `set ${setting.passphrase}`,
    });
  }
  try {
    return createPrivateKey({ key: block!, ...(passphrase && { passphrase }) });
  } catch (cause) {
    if (!isEncrypted) throw broken(path, "a key that cannot be decoded", setting.key, { cause });
    throw new OperationalError("settings", `key "${path}" does not open: the passphrase is wrong`, {
      hint: `correct ${setting.passphrase}`,
      cause,
    });
  }
}

/** The PEM blocks of that kind; there is at least one. */
function blocksOf(path: string, bytes: Uint8Array, kind: string, setting: string): string[] {
  const text = new TextDecoder().decode(bytes as Buffer);
  const all = [...text.matchAll(PEM)];
  const found = all.filter(([, label]) => label!.endsWith(kind)).map(([block]) => block);
  if (found.length > 0) return found;
  const label = all[0]?.[1];
  if (label) throw broken(path, `"${label}", where "${kind}" is due`, setting);
  if (bytes.length === 0) throw broken(path, "nothing", setting);
  // A DER file begins with a sequence.
  if (bytes[0] === 0x30) {
    const tool = kind === "CERTIFICATE" ? "x509" : "pkey";
    const fix = `openssl ${tool} -inform der -in ${shellWord(path)} -out ${
      shellWord(`${path}.pem`)
    }`;
    throw broken(path, "DER, where PEM is due", setting, { hint: fix });
  }
  throw broken(path, "no PEM", setting);
}

function broken(
  path: string,
  what: string,
  setting: string,
  remedy: Partial<Remedy> = {},
): OperationalError {
  return new OperationalError("settings", `cannot use "${path}": it holds ${what}`, {
    reason: `${setting} names it, or stands for it by default`,
    hint: `download it again, or correct ${setting}`,
    ...remedy,
  });
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
