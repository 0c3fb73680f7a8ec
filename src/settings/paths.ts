/** Whether a path of the settings starts at their folder: neither absolute nor, on Windows, with a drive. */
export function isRelative(path: string, isWindows: boolean): boolean {
  return !(isWindows ? /^([A-Za-z]:|[\\/])/ : /^\//).test(path);
}

/** The folder of a file, with the separator at its end; empty: the working folder. */
export function folderOf(path: string, isWindows: boolean): string {
  return path.replace(isWindows ? /[^/\\:]*$/ : /[^/]*$/, "");
}

/**
 * The root and the names of a path, for a program that runs in `cwd`, without `.` and `..`. On Windows the root is a drive
 * such as `C:` or a share such as `\\server\share`, otherwise it is empty.
 */
export function partsOf(path: string, cwd: string, isWindows: boolean): string[] {
  if (!isWindows) return normal(path.startsWith("/") ? path : `${cwd}/${path}`, "", "/");
  const plain = (text: string) =>
    text.replaceAll("/", "\\").replace(/^\\\\[?.]\\UNC\\/i, "\\\\").replace(/^\\\\[?.]\\/, "");
  const [base, text] = [plain(cwd), plain(path)];
  const root = rootOf(text);
  const current = rootOf(base) ?? "";
  if (root === null) {
    return text.startsWith("\\")
      ? normal(text, current, "\\")
      : normal(`${base.slice(current.length)}\\${text}`, current, "\\");
  }
  const rest = text.slice(root.length);
  // `D:a` starts at the folder that is current on that drive: it is known for one drive only.
  const isThere = rest.startsWith("\\") || root.toLowerCase() !== current.toLowerCase();
  return normal(isThere ? rest : `${base.slice(current.length)}\\${rest}`, root, "\\");
}

/** The drive or the share that a path of Windows begins with; null: it names none. */
function rootOf(path: string): string | null {
  return /^([A-Za-z]:|\\\\[^\\]+\\[^\\]+)/.exec(path)?.[0] ?? null;
}

function normal(path: string, root: string, separator: string): string[] {
  const names: string[] = [];
  for (const name of path.split(separator)) {
    if (name === "..") names.pop();
    else if (name !== "." && name !== "") names.push(name);
  }
  return [root, ...names];
}
