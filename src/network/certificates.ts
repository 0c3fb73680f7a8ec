import { type Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { CERTIFICATE_FOLDERS } from "../settings/settings.ts";
import type { TlsFiles } from "../settings/reader.ts";
import { OperationalError, type Remedy, shellWord } from "../errors.ts";
import { TLS_SETTINGS } from "./explain.ts";
import type { FileMode } from "../system.ts";

/** Access to files, and the clock in milliseconds since 1970. */
interface Files {
  /** Throws when the file does not exist or is not readable. */
  readFile(path: string): Uint8Array;
  /** Null on systems without file modes. */
  mode(path: string): FileMode | null;
  now(): number;
}

/** The result of one check: what was seen, or the fault. */
export interface Finding {
  seen: string;
  /** Printed instead of `seen`: the check passed, but needs attention. */
  warning?: string;
  fault?: OperationalError;
}

const DAY_MS = 86_400_000;
/** A certificate with fewer days left causes a warning. */
export const WARN_DAYS = 30;
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Checks the TLS files of one service before connecting: the clients report a wrong file badly or not at all. */
export function inspectFiles(
  section: "kafka" | "postgresql",
  { ca, cert, key, passphrase }: TlsFiles,
  files: Files,
): Finding[] {
  const setting = (name: keyof typeof TLS_SETTINGS.kafka) =>
    `[${section}] ${TLS_SETTINGS[section][name]}`;
  const findings: Finding[] = [];
  const inspect = <T>(what: string, work: () => { value: T } & Finding): T | null => {
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
  if (ca) inspect("CA", () => readAuthorities(ca, setting("ca"), files));
  const chain = cert && inspect("certificate", () => readChain(cert, setting("cert"), files));
  const secret = key && inspect("key", () => {
    const value = readKey(key, passphrase, {
      key: setting("key"),
      passphrase: setting("passphrase"),
    }, files);
    const fault = openToOthers(key, files);
    if (fault) throw fault;
    return { value, seen: `key "${key}"` };
  });
  const fault = chain && secret
    ? findMismatch(chain, secret, { cert: cert!, key: key!, setting })
    : findMissingHalf({ cert, key, setting });
  return fault ? [...findings, { seen: "pair", fault }] : findings;
}

/** The full name of a setting, for messages. */
type Setting = (name: "cert" | "key") => string;

/** The fault when the key does not belong to the first certificate, else null. */
function findMismatch(
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
      `"${cert}" does not begin with the certificate of its key`,
      {
        reason: `the certificate of key "${key}" comes later in the file`,
        hint: "put that certificate first, and the certificates of its issuers after it",
      },
    );
  }
  return new OperationalError("settings", `key "${key}" does not fit certificate "${cert}"`, {
    reason: `${setting("cert")} and ${setting("key")} name files of two different pairs`,
    hint: "download both again, at the same time",
  });
}

/** A public key in the encoding that certificates use, for comparison. */
function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

/** The fault when only one of certificate and key is set, else null. */
function findMissingHalf(
  { cert, key, setting }: { cert: string | null; key: string | null; setting: Setting },
): OperationalError | null {
  if (Boolean(cert) === Boolean(key)) return null;
  const [given, missing] = cert ? ["cert", "key"] as const : ["key", "cert"] as const;
  const text = `${setting(missing)} is missing: ${setting(given)} is set`;
  return new OperationalError("settings", text, {
    hint: `set ${setting(missing)} too`,
  });
}

/** Throws the first fault of the files; passes warnings to `warn`. */
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

/** The fault when others can read a secret file; as in libpq, a file of root may be readable by its group. */
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
    const reason = `${setting} names this file, or defaults to it`;
    if (name === "NotFound") {
      throw new OperationalError("noInput", `cannot read "${path}": file does not exist`, {
        reason,
        hint: `put the file there, or correct ${setting}`,
      });
    }
    if (name === "PermissionDenied") {
      throw new OperationalError("noPermission", `cannot read "${path}": permission denied`, {
        reason,
        hint: `make the current user its owner: chown "$USER" ${shellWord(path)}`,
      });
    }
    if (name === "NotCapable") {
      throw new OperationalError("noPermission", `not permitted to read "${path}"`, {
        reason: [reason, `certificates and keys are read from ${CERTIFICATE_FOLDERS.join(", ")}`],
        hint: `move it, or link to it, into one of those folders, and correct ${setting}`,
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

/** The CA certificates; in a bundle some may have expired as long as one is valid. */
function readAuthorities(path: string, setting: string, files: Files) {
  const all = readCertificates(path, setting, files);
  const valid = all.filter((one) => outOfDate(one, path, "CA certificate", files) === null);
  const until = Math.max(...valid.map(({ validTo }) => Date.parse(validTo)));
  if (valid.length === 0) throw outOfDate(all[0]!, path, "CA certificate", files);
  return { value: valid, ...describeExpiry(until, `CA certificate "${path}"`, files) };
}

/** The client certificate and its issuers; each must be valid. */
function readChain(path: string, setting: string, files: Files) {
  const chain = readCertificates(path, setting, files);
  for (const one of chain) {
    const wrong = outOfDate(one, path, "certificate", files);
    if (wrong) throw wrong;
  }
  const until = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
  return { value: chain, ...describeExpiry(until, `certificate "${path}"`, files) };
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

function describeExpiry(until: number, what: string, { now }: Files): Finding {
  const days = daysLeft(until, now());
  return {
    seen: `${what}, valid until ${day(until)}, ${days} days left`,
    ...(days < WARN_DAYS && { warning: `${what} expires in ${days} days, on ${day(until)}` }),
  };
}

/** The fault when the certificate is expired or not yet valid, else null. */
function outOfDate(
  { validFrom, validTo }: X509Certificate,
  path: string,
  what: string,
  { now }: Files,
): OperationalError | null {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  if (now() >= to) {
    return new OperationalError("settings", `${what} "${path}" expired on ${day(to)}`, {
      hint: "download a new one",
    });
  }
  if (now() < from) {
    return new OperationalError(
      "settings",
      `${what} "${path}" is not valid before ${day(from)}`,
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
    throw new OperationalError(
      "settings",
      `cannot decrypt key "${path}": wrong passphrase`,
      { hint: `correct ${setting.passphrase}`, cause },
    );
  }
}

/** The PEM blocks of one kind; throws when there is none. */
function blocksOf(path: string, bytes: Uint8Array, kind: string, setting: string): string[] {
  const text = new TextDecoder().decode(bytes as Buffer);
  const all = [...text.matchAll(PEM)];
  const found = all.filter(([, label]) => label!.endsWith(kind)).map(([block]) => block);
  if (found.length > 0) return found;
  const label = all[0]?.[1];
  if (label) throw broken(path, `"${label}" instead of "${kind}"`, setting);
  if (bytes.length === 0) throw broken(path, "nothing", setting);
  // A DER file begins with the tag of a sequence.
  if (bytes[0] === 0x30) {
    const tool = kind === "CERTIFICATE" ? "x509" : "pkey";
    const fix = `openssl ${tool} -inform der -in ${shellWord(path)} -out ${
      shellWord(`${path}.pem`)
    }`;
    throw broken(path, "DER instead of PEM", setting, { hint: fix });
  }
  throw broken(path, "no PEM block", setting);
}

function broken(
  path: string,
  what: string,
  setting: string,
  remedy: Partial<Remedy> = {},
): OperationalError {
  return new OperationalError("settings", `cannot use "${path}": it holds ${what}`, {
    reason: `${setting} names this file, or defaults to it`,
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
