/**
 * All that the program may read, relative to the folder it runs in: settings, certificates and keys. The same as the named
 * set of permissions in deno.json.
 */
export const READ_PLACES = [
  "host_settings.ini",
  "res",
  "src/host_settings.ini",
  "src/ssl",
  "ssl",
  "/etc/routes",
];

/** The places that none of these files is in, for a program that runs in `cwd`. */
export function placesWithout(files: string[], cwd: string): string[] {
  const isIn = (path: string, place: string) => {
    const parts = resolve(path, cwd);
    return resolve(place, cwd).every((part, i) => part === parts[i]);
  };
  const kept = READ_PLACES.filter((place) => files.some((file) => isIn(file, place)));
  // To give back a place gives back the one that it lies in too, as ssl does in /etc/routes when that is `cwd`.
  return READ_PLACES.filter((place) => !kept.some((other) => isIn(place, other)));
}

/** The folders of a path from the top, in lower case, since there are file systems that take it for the same. */
function resolve(path: string, cwd: string): string[] {
  const isAbsolute = /^([a-z]:)?[\\/]/i.test(path);
  const parts: string[] = [];
  for (const part of (isAbsolute ? path : `${cwd}/${path}`).toLowerCase().split(/[\\/]/)) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts;
}
