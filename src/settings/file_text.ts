import { OperationalError, shellWord } from "../errors.ts";

/** The text of a settings file: UTF-8, or UTF-16 with its byte order mark, as PowerShell writes it. Throws what is wrong. */
export function decodeFile(path: string, bytes: Uint8Array, isWindows: boolean): string {
  const encoding = encodingOf(bytes);
  for (const [at, name] of [[1, "UTF-16LE"], [0, "UTF-16BE"]] as const) {
    if (bytes[at] === 0 && bytes[at + 2] === 0) {
      throw unusable(path, "it is UTF-16 without a byte order mark", name, isWindows);
    }
  }
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw encoding === "utf-8"
      ? unusable(path, "it is not UTF-8 text", "LATIN1", isWindows)
      : unusable(path, "it is broken UTF-16", "UTF-16", isWindows);
  }
}

/** A text whose encoding its byte order mark tells; bytes that do not fit are replaced. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

function encodingOf([first, second]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

function unusable(
  path: string,
  reason: string,
  from: string,
  isWindows: boolean,
): OperationalError {
  const word = shellWord(path, isWindows);
  return new OperationalError("settings", `cannot read "${path}": ${reason}`, {
    hint: isWindows
      ? `save it as UTF-8, which its menu offers: notepad ${word}`
      : `save it as UTF-8: iconv -f ${from} -t UTF-8 ${word}`,
  });
}
