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

/** The readable places that contain none of these files, for a program that runs in `cwd`. */
export function placesWithout(files: string[], cwd: string): string[] {
  const isIn = (path: string, place: string) => {
    const parts = resolve(path, cwd);
    return resolve(place, cwd).every((part, i) => part === parts[i]);
  };
  const kept = READ_PLACES.filter((place) => files.some((file) => isIn(file, place)));
  // Revoking a place also revokes the place that contains it: ssl is in /etc/routes when that is `cwd`.
  return READ_PLACES.filter((place) => !kept.some((other) => isIn(place, other)));
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
