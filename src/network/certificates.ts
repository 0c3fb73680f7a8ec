import { type Buffer } from "node:buffer";
import { createPublicKey, type KeyObject, type X509Certificate } from "node:crypto";
import type { TlsFiles } from "../settings/reader.ts";
import { OperationalError } from "../errors.ts";
import { TLS_SETTINGS } from "./explain.ts";
import { openToOthers, ownedByOthers, replaceable, unjudged } from "./file_access.ts";
import { type NamedFile, readCertificates, readKey } from "./pem.ts";
import type { System } from "../system.ts";
import { formatMany } from "../units.ts";

/** Access to files, and the clock. */
export type Files = Pick<System, "readFile" | "mode" | "now" | "isWindows">;

/** The result of one check: what was seen, or the fault. */
export interface Finding {
  seen: string;
  /** Printed instead of `seen`: the check passed, but needs attention. */
  warning?: string;
  fault?: OperationalError;
  /** Printed below. */
  lines?: string[];
  /** Added to the output of --json. */
  data?: object;
}

const DAY_MS = 86_400_000;
/** A certificate with fewer days left causes a warning. */
export const WARN_DAYS = 30;

/** Checks the TLS files of one service before connecting: the clients report a wrong file badly or not at all. */
export function inspectFiles(
  section: Section,
  { ca, cert, key, passphrase }: TlsFiles,
  files: Files,
): Finding[] {
  const named = (path: string, name: keyof TlsFiles) => ({
    path,
    setting: settingName(section, name),
  });
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
  if (ca) inspect("CA", () => readAuthorities(named(ca, "ca"), files));
  const chain = cert && inspect("certificate", () => readChain(named(cert, "cert"), files));
  const secret = key && inspect("key", () => {
    const passphraseSetting = settingName(section, "passphrase");
    const value = readKey(named(key, "key"), { passphrase, passphraseSetting }, files);
    const fault = openToOthers(key, files) ?? ownedByOthers(key, files) ??
      replaceable("key", key, files);
    if (fault) throw fault;
    return { value, seen: `key "${key}"${unjudged(key, files)}` };
  });
  const fault = chain && secret
    ? findMismatch(chain, secret, { cert: named(cert!, "cert"), key: named(key!, "key") })
    : findMissingHalf(section, cert, key);
  return fault ? [...findings, { seen: "pair", fault }] : findings;
}

type Section = keyof typeof TLS_SETTINGS;

/** The full name of a setting, for messages. */
function settingName(section: Section, name: keyof TlsFiles): string {
  return `[${section}] ${TLS_SETTINGS[section][name]}`;
}

/** The fault when the key does not belong to the first certificate, else null. */
function findMismatch(
  [leaf, ...others]: X509Certificate[],
  secret: KeyObject,
  { cert, key }: { cert: NamedFile; key: NamedFile },
): OperationalError | null {
  const own = spki(createPublicKey(secret));
  const isOwn = ({ publicKey }: X509Certificate) => spki(publicKey).equals(own);
  if (isOwn(leaf!)) return null;
  if (others.some(isOwn)) {
    const text = `"${cert.path}" does not begin with the certificate of its key`;
    return new OperationalError("settings", text, {
      reason: `the certificate of key "${key.path}" comes later in the file`,
      hint: "put that certificate first, and the certificates of its issuers after it",
    });
  }
  const text = `key "${key.path}" does not fit certificate "${cert.path}"`;
  return new OperationalError("settings", text, {
    reason: `${cert.setting} and ${key.setting} name files of two different pairs`,
    hint: "download both again, at the same time",
  });
}

/** A public key in the encoding that certificates use, for comparison. */
function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

/** The fault when only one of certificate and key is set, else null. */
function findMissingHalf(
  section: Section,
  cert: string | null,
  key: string | null,
): OperationalError | null {
  if (Boolean(cert) === Boolean(key)) return null;
  const [given, missing] = cert ? ["cert", "key"] as const : ["key", "cert"] as const;
  const [set, unset] = [settingName(section, given), settingName(section, missing)];
  return new OperationalError("settings", `${unset} is missing: ${set} is set`, {
    hint: `set ${unset} too`,
  });
}

/** Throws the first fault of the files; passes warnings to `warn`. */
export function requireFiles(
  section: Section,
  tls: TlsFiles,
  files: Files,
  warn: (line: string) => void,
): void {
  for (const { fault, warning } of inspectFiles(section, tls, files)) {
    if (fault) throw fault;
    if (warning) warn(warning);
  }
}

/** The CA certificates; in a bundle some may have expired as long as one is valid. */
function readAuthorities(file: NamedFile, files: Files) {
  const all = readCertificates(file, files);
  const what = `CA certificate "${file.path}"`;
  const valid = all.filter((one) => outOfDate(one, what, files) === null);
  const until = Math.max(...valid.map(({ validTo }) => Date.parse(validTo)));
  if (valid.length === 0) throw outOfDate(all[0]!, what, files);
  return { value: valid, ...describeExpiry(until, what, files) };
}

/** The client certificate and its issuers; each must be valid. */
function readChain(file: NamedFile, files: Files) {
  const chain = readCertificates(file, files);
  const what = `certificate "${file.path}"`;
  for (const one of chain) {
    const fault = outOfDate(one, what, files);
    if (fault) throw fault;
  }
  const until = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
  return { value: chain, ...describeExpiry(until, what, files) };
}

/** Whole days from now until then, both in milliseconds since 1970. */
export function daysLeft(untilMs: number, nowMs: number): number {
  return Math.floor((untilMs - nowMs) / DAY_MS);
}

function describeExpiry(until: number, what: string, { now }: Files): Finding {
  const days = daysLeft(until, now());
  return {
    seen: `${what}, valid until ${day(until)}, ${formatMany(days, "day")} left`,
    ...(days < WARN_DAYS &&
      { warning: `${what} expires in ${formatMany(days, "day")}, on ${day(until)}` }),
  };
}

/** The fault when the certificate is expired or not yet valid, else null. */
function outOfDate(
  { validFrom, validTo }: X509Certificate,
  what: string,
  { now }: Files,
): OperationalError | null {
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  if (now() >= to) {
    const text = `${what} expired on ${day(to)}`;
    return new OperationalError("settings", text, { hint: "download a new one" });
  }
  if (now() >= from) return null;
  return new OperationalError("settings", `${what} is not valid before ${day(from)}`, {
    reason: `the clock of this machine says ${new Date(now()).toISOString().slice(0, 16)}Z`,
    hint: "set the clock, or wait",
  });
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
