import { type Buffer } from "node:buffer";
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { CERTIFICATE_FOLDERS } from "./config.ts";
import type { TlsFiles } from "./config/reader.ts";
import { Operation } from "./failure.ts";
import { TLS_SETTINGS } from "./connection.ts";

/** Who may do what with a file, as far as there is such a thing here. */
export interface FileMode {
  /** The lower nine bits. */
  mode: number;
  /** User that owns it. */
  uid: number;
}

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
  fault?: Operation;
}

const DAY_MS = 86_400_000;
const WARN_DAYS = 30;
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g;

/** Looks at the files of one connection before it is tried; clients answer a wrong one with silence or a riddle. */
export function inspectFiles(
  section: "kafka" | "postgresql",
  { ca, cert, key, passphrase }: TlsFiles,
  files: Files,
): Finding[] {
  const names = TLS_SETTINGS[section];
  const setting = (name: keyof typeof names) => `[${section}] ${names[name]}`;
  const findings: Finding[] = [];
  const look = <T>(what: string, work: () => { value: T } & Finding): T | null => {
    try {
      const { value, ...finding } = work();
      findings.push(finding);
      return value;
    } catch (error) {
      if (!(error instanceof Operation)) throw error;
      findings.push({ seen: what, fault: error });
      return null;
    }
  };
  if (ca) look("CA", () => readCertificates(ca, "CA certificate", setting("ca"), files));
  const own = cert &&
    look("certificate", () => readCertificates(cert, "certificate", setting("cert"), files));
  const secret = key && look("key", () => {
    const value = readKey(key, passphrase, {
      key: setting("key"),
      passphrase: setting("passphrase"),
    }, files);
    const fault = openToOthers(key, files);
    if (fault) throw fault;
    return { value, seen: `key "${key}"` };
  });
  if (own && secret && !own[0]!.checkPrivateKey(secret)) {
    findings.push({
      seen: "pair",
      fault: new Operation("settings", `key "${key}" does not fit certificate "${cert}"`, {
        reason: `${setting("cert")} and ${names.key} name files of two different pairs`,
        fix: "download both again, at the same time",
      }),
    });
  }
  const alone = Boolean(cert) !== Boolean(key) ? (cert ? "key" : "cert") : null;
  if (alone) {
    findings.push({
      seen: "pair",
      fault: new Operation(
        "settings",
        `${setting(alone)} is missing: ${names[alone === "key" ? "cert" : "key"]} is given`,
        { fix: `set ${setting(alone)} too` },
      ),
    });
  }
  return findings;
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
export function openToOthers(path: string, { mode }: Pick<Files, "mode">): Operation | null {
  const found = mode(path);
  if (!found || (found.mode & (found.uid === 0 ? 0o037 : 0o077)) === 0) return null;
  const text = `"${path}" can be read by others: its mode is ${octal(found.mode)}`;
  return new Operation("noPermission", text, { fix: `chmod 600 ${shell(path)}` });
}

function read(path: string, setting: string, { readFile }: Files): Uint8Array {
  try {
    return readFile(path);
  } catch (error) {
    const { name } = error as Error;
    const reason = `${setting} names it, or stands for it by default`;
    if (name === "NotFound") {
      throw new Operation("noInput", `cannot read "${path}": file does not exist`, {
        reason,
        fix: `put the file there, or correct ${setting}`,
      });
    }
    if (name === "PermissionDenied") {
      throw new Operation("noPermission", `cannot read "${path}": permission denied`, {
        reason,
        fix: `make it a file of the user who runs this: chown "$USER" ${shell(path)}`,
      });
    }
    if (name === "NotCapable") {
      throw new Operation("noPermission", `not permitted to read "${path}"`, {
        reason: [reason, `certificates and keys are read from ${CERTIFICATE_FOLDERS.join(", ")}`],
        fix: `put it, or a link to it, into one of those, and correct ${setting}`,
        cause: error,
      });
    }
    if (name === "IsADirectory") {
      throw new Operation("settings", `cannot read "${path}": it is a folder`, {
        fix: `correct ${setting}`,
      });
    }
    throw error;
  }
}

function readCertificates(
  path: string,
  what: string,
  setting: string,
  files: Files,
): Finding & { value: X509Certificate[] } {
  const blocks = blocksOf(path, read(path, setting, files), "CERTIFICATE", setting);
  const certificates = blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw broken(path, "a certificate that cannot be decoded", setting, cause);
    }
  });
  const ends = certificates.map((certificate) => checkDates(certificate, path, what, files.now()));
  const days = Math.floor((Math.min(...ends) - files.now()) / DAY_MS);
  const until = day(Math.min(...ends));
  return {
    value: certificates,
    seen: `${what} "${path}", valid until ${until}, ${days} days left`,
    ...(days < WARN_DAYS &&
      { warning: `${what} "${path}" expires in ${days} days, on ${until}` }),
  };
}

/** The end of its time, if now is within it. */
function checkDates(
  { validFrom, validTo }: X509Certificate,
  path: string,
  what: string,
  now: number,
): number {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  if (now >= to) {
    throw new Operation("settings", `${what} "${path}" has expired: on ${day(to)}`, {
      fix: "download a new one",
    });
  }
  if (now < from) {
    throw new Operation("settings", `${what} "${path}" is not yet valid: from ${day(from)} on`, {
      reason: `the clock of this machine says ${new Date(now).toISOString().slice(0, 16)}Z`,
      fix: "set the clock, or wait",
    });
  }
  return to;
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
    throw new Operation("settings", `key "${path}" is encrypted: a passphrase is needed`, {
      fix: `set ${setting.passphrase}`,
    });
  }
  try {
    return createPrivateKey({ key: block!, ...(passphrase && { passphrase }) });
  } catch (cause) {
    if (!isEncrypted) throw broken(path, "a key that cannot be decoded", setting.key, cause);
    throw new Operation("settings", `key "${path}" does not open: the passphrase is wrong`, {
      fix: `correct ${setting.passphrase}`,
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
  if (bytes[0] === 0x30) throw broken(path, "DER, where PEM is due", setting);
  throw broken(path, "no PEM", setting);
}

function broken(path: string, what: string, setting: string, cause?: unknown): Operation {
  return new Operation("settings", `cannot use "${path}": it holds ${what}`, {
    reason: `${setting} names it, or stands for it by default`,
    fix: what.startsWith("DER")
      ? `openssl x509 -inform der -in ${shell(path)} -out ${shell(`${path}.pem`)}`
      : `download it again, or correct ${setting}`,
    cause,
  });
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function shell(path: string): string {
  return /^[\w./~+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
