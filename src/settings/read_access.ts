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

/** The readable places that contain none of these files, for a program that runs in `cwd`. */
export function placesWithout(files: string[], cwd: string, isWindows = false): string[] {
  const places = readPlaces(isWindows);
  const isIn = (path: string, place: string) => {
    const parts = resolve(path, cwd);
    return resolve(place, cwd).every((part, i) => part === parts[i]);
  };
  const kept = places.filter((place) => files.some((file) => isIn(file, place)));
  // Revoking a place also revokes the place that contains it: ssl is in /etc/routes when that is `cwd`.
  return places.filter((place) => !kept.some((other) => isIn(place, other)));
}

/** The parts of an absolute path, in lower case: some file systems ignore case. */
function resolve(path: string, cwd: string): string[] {
  const isAbsolute = /^([a-z]:)?[\\/]/i.test(path);
  const parts: string[] = [];
  for (const part of (isAbsolute ? path : `${cwd}/${path}`).toLowerCase().split(/[\\/]/)) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts;
}
