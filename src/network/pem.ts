import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { decodeText } from "../settings/file_text.ts";
import { certificateFolders, grantHint } from "../settings/read_access.ts";
import { OperationalError, type Remedy, shellWord, systemReason } from "../errors.ts";
import type { System } from "../system.ts";

type Files = Pick<System, "readFile" | "isWindows">;

/** A file and the full name of its setting, for messages. */
export interface NamedFile {
  path: string;
  setting: string;
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;

/** The certificates in a file, at least one. */
export function readCertificates(file: NamedFile, files: Files): X509Certificate[] {
  return readBlocks(file, "CERTIFICATE", files).map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw unusable(file, "a certificate that cannot be decoded", { cause });
    }
  });
}

/** The private key in a file; `passphraseSetting` is the full name of that setting. */
export function readKey(
  file: NamedFile,
  { passphrase, passphraseSetting }: { passphrase: string | null; passphraseSetting: string },
  files: Files,
): KeyObject {
  const [block] = readBlocks(file, "PRIVATE KEY", files);
  const isEncrypted = block!.includes("ENCRYPTED");
  if (isEncrypted && !passphrase) {
    const text = `key "${file.path}" is encrypted: a passphrase is needed`;
    throw new OperationalError("settings", text, { hint: `set ${passphraseSetting}` });
  }
  try {
    return createPrivateKey({ key: block!, ...(passphrase && { passphrase }) });
  } catch (cause) {
    if (!isEncrypted) throw unusable(file, "a key that cannot be decoded", { cause });
    if (/unsupported/.test((cause as Error).message)) {
      const [from, to] = [file.path, `${file.path}.new`].map((path) =>
        shellWord(path, files.isWindows)
      );
      throw unusable(file, "a key whose encryption is not supported, such as 3DES", {
        hint: `encrypt it with AES: openssl pkcs8 -topk8 -v2 aes-256-cbc -in ${from} -out ${to}`,
        cause,
      });
    }
    const text = `cannot decrypt key "${file.path}": wrong passphrase`;
    throw new OperationalError("settings", text, { hint: `correct ${passphraseSetting}`, cause });
  }
}

/** The PEM blocks of one kind; throws when there is none. */
function readBlocks(file: NamedFile, kind: string, files: Files): string[] {
  const bytes = read(file, files);
  const all = [...decodeText(bytes).matchAll(PEM)];
  const found = all.filter(([, label]) => label!.endsWith(kind)).map(([block]) => block);
  if (found.length > 0) return found;
  const label = all[0]?.[1];
  if (label) throw unusable(file, `"${label}" instead of "${kind}"`);
  if (bytes.length === 0) throw unusable(file, "nothing");
  // A DER file begins with the tag of a sequence.
  if (bytes[0] !== 0x30) throw unusable(file, "no PEM block");
  const tool = kind === "CERTIFICATE" ? "x509" : "pkey";
  const [from, to] = [file.path, `${file.path}.pem`].map((path) =>
    shellWord(path, files.isWindows)
  );
  throw unusable(file, "DER instead of PEM", {
    hint: `openssl ${tool} -inform der -in ${from} -out ${to}`,
  });
}

function unusable(
  { path, setting }: NamedFile,
  what: string,
  remedy: Partial<Remedy> = {},
): OperationalError {
  return new OperationalError("settings", `cannot use "${path}": it holds ${what}`, {
    reason: `${setting} names this file, or defaults to it`,
    hint: `download it again, or correct ${setting}`,
    ...remedy,
  });
}

function read({ path, setting }: NamedFile, { readFile, isWindows }: Files): Uint8Array {
  try {
    return readFile(path);
  } catch (error) {
    const reason = `${setting} names this file, or defaults to it`;
    switch ((error as Error).name) {
      case "NotFound":
        throw new OperationalError("noInput", `cannot read "${path}": file does not exist`, {
          reason,
          hint: `put the file there, or correct ${setting}`,
        });
      case "PermissionDenied":
        throw new OperationalError("noPermission", `cannot read "${path}": permission denied`, {
          reason,
          hint: grantHint(path, isWindows),
        });
      case "NotCapable":
        throw new OperationalError("noPermission", `not permitted to read "${path}"`, {
          reason: [
            reason,
            `certificates and keys are read from ${certificateFolders(isWindows).join(", ")}`,
          ],
          hint: `move it, or link to it, into one of those folders, and correct ${setting}`,
          cause: error,
        });
      case "IsADirectory":
        throw new OperationalError("settings", `cannot read "${path}": it is a folder`, {
          reason,
          hint: `correct ${setting}`,
        });
    }
    throw new OperationalError(
      "noInput",
      `cannot read "${path}": ${systemReason(error as Error)}`,
      { reason, hint: `put the file there, or correct ${setting}`, cause: error },
    );
  }
}
