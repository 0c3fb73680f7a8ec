import { shellWord } from "../errors.ts";
import { partsOf } from "./paths.ts";

/**
 * Everything that the program may read, relative to its working folder: settings, certificates and keys. The same as the
 * named permission set in deno.json.
 */
export const READ_PLACES = [
  "host_settings.ini",
  "res",
  "src/host_settings.ini",
  "src/ssl",
  "ssl",
  "/etc/routes",
];

/**
 * The system's folder in place of /etc/routes on Windows. There `/etc` is a folder of the current drive, in which every
 * user may create files, so that a planted file could send a password to another host. Builds for Windows permit this one.
 */
export const WINDOWS_FOLDER = "C:\\ProgramData\\routes";
const UNIX_FOLDER = "/etc/routes";

/** The folder for settings of the whole machine. */
export function systemFolder(isWindows: boolean): string {
  return isWindows ? WINDOWS_FOLDER : UNIX_FOLDER;
}

/** The places that a program on that system may read. */
export function readPlaces(isWindows: boolean): string[] {
  return READ_PLACES.map((place) => place === UNIX_FOLDER ? systemFolder(isWindows) : place);
}

/** Where the program may read certificates and keys. */
export function certificateFolders(isWindows: boolean): string[] {
  return ["ssl", "src/ssl", "res", systemFolder(isWindows)];
}

/** The readable places that contain none of these files, for a program that runs in `cwd`. */
export function placesWithout(files: string[], cwd: string, isWindows: boolean): string[] {
  const places = readPlaces(isWindows);
  const isIn = (path: string, place: string) => restIn(path, place, cwd, isWindows) !== null;
  const kept = places.filter((place) => files.some((file) => isIn(file, place)));
  // Revoking a place also revokes the place that contains it: ssl is in /etc/routes when that is `cwd`.
  return places.filter((place) => !kept.some((other) => isIn(place, other)));
}

/**
 * The path as the permissions of the program have it: on Windows they compare letters exactly, and do not know that `\\a` is
 * on the current drive. A path outside of every place stays as it is, and is refused.
 */
export function permittedPath(path: string, cwd: string): string {
  for (const place of readPlaces(true)) {
    const rest = restIn(path, place, cwd, true);
    if (rest !== null) return [place, ...rest].join("\\");
  }
  return path;
}

/** The names that lead from a place to a file in it, ignoring case as some file systems do; null: it is not in there. */
function restIn(path: string, place: string, cwd: string, isWindows: boolean): string[] | null {
  const parts = partsOf(path, cwd, isWindows);
  const start = partsOf(place, cwd, isWindows);
  const isSame = (part: string, i: number) => part.toLowerCase() === parts[i]?.toLowerCase();
  return start.every(isSame) ? parts.slice(start.length) : null;
}

/** What to type so that the current user may read a file. */
export function grantHint(path: string, isWindows: boolean): string {
  const word = shellWord(path, isWindows);
  return isWindows
    ? `let the current user read it, in cmd: icacls ${word} /grant "%USERNAME%:R"`
    : `make the current user its owner: chown "$USER" ${word}`;
}
