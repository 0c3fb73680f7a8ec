import { OperationalError, shellWord } from "../errors.ts";
import { folderOf } from "../settings/paths.ts";
import type { FileMode, System } from "../system.ts";

type Modes = Pick<System, "mode">;

/** The mode of a file; null if it has none. */
function modeOf(path: string, { mode }: Modes): FileMode | null {
  const found = mode(path);
  return found === "unknown" ? null : found;
}

/** The end of a line about a secret file whose access the system does not tell, else empty. */
export function unjudged(path: string, { mode }: Modes): string {
  return mode(path) === "unknown" ? ", who can read it is not judged on Windows" : "";
}

/** The fault when others can read a secret file; as in libpq, a file of root may be readable by its group. */
export function openToOthers(path: string, { mode }: Modes): OperationalError | null {
  const found = modeOf(path, { mode });
  if (!found || (found.mode & (found.uid === 0 ? 0o037 : 0o077)) === 0) return null;
  const text = `"${path}" can be read by others: its mode is ${octal(found.mode)}`;
  return new OperationalError("noPermission", text, {
    hint: `chmod 600 ${shellWord(path, false)}`,
  });
}

/**
 * What is wrong with the access to a settings file: others can read its secret, or change where the program connects to.
 * A warning for every command, because the original program ran with such a file; null: nothing.
 */
export function settingsExposure(
  { path, holdsSecret }: { path: string; holdsSecret: boolean },
  files: Modes,
): OperationalError | null {
  const found = modeOf(path, files);
  if (found && (found.mode & OTHERS_WRITE) !== 0) {
    const text = `everyone can change "${path}": its mode is ${octal(found.mode)}`;
    return new OperationalError("noPermission", text, {
      hint: `chmod ${holdsSecret ? "600" : "o-w"} ${shellWord(path, false)}`,
    });
  }
  const exposed = holdsSecret ? openToOthers(path, files) : null;
  return exposed ?? replaceable("settings file", path, files);
}

/** The fault when another user, except root, owns a secret file; as in libpq. */
export function ownedByOthers(path: string, { mode }: Modes): OperationalError | null {
  const found = modeOf(path, { mode });
  if (!found || found.isOwn || found.uid === 0) return null;
  const text = `key "${path}" belongs to another user (uid ${found.uid})`;
  return new OperationalError("noPermission", text, {
    hint: `chown "$USER" ${shellWord(path, false)}, or run routes as that user`,
  });
}

const OTHERS_WRITE = 0o002;
/** Only the owner of a file may remove it. */
const STICKY = 0o1000;

/** The fault when everyone can put another file in the place of this one. */
export function replaceable(
  what: string,
  path: string,
  { mode }: Modes,
): OperationalError | null {
  const folder = folderOf(path, false).replace(/(.)\/$/, "$1") || ".";
  let found: FileMode | null;
  try {
    found = modeOf(folder, { mode });
  } catch {
    // The program may read only some files of the working folder, and not look at the folder itself.
    return null;
  }
  if (!found || (found.mode & OTHERS_WRITE) === 0 || (found.mode & STICKY) !== 0) return null;
  const text = `everyone can replace ${what} "${path}": its folder is writable by all`;
  return new OperationalError("noPermission", text, {
    hint: `chmod o-w ${shellWord(folder, false)}`,
  });
}

function octal(mode: number): string {
  return (mode & 0o777).toString(8).padStart(4, "0");
}
