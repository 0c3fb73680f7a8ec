import type { Globals } from "../cli/parse.ts";
import { parseSettings, type Settings, settingsFiles } from "../settings/settings.ts";
import { isRelative } from "../settings/paths.ts";
import { grantHint, systemFolder } from "../settings/read_access.ts";
import { decodeFile } from "../settings/file_text.ts";
import type { Sources } from "../settings/sources.ts";
import { OperationalError, shellWord, systemReason } from "../errors.ts";
import type { System } from "../system.ts";

/** Reads the settings of this run; throws one error with all faults. */
export function readSettings({ config, set, timeoutMs }: Globals, system: System): Settings {
  const isStdin = config === STDIN;
  const file = isStdin
    ? { path: STDIN_PATH, text: decodeFile(STDIN_PATH, system.readStdin(), system.isWindows) }
    : findSettings(config === null ? settingsFiles(system.isWindows) : [config], system);
  if (config !== null && !file) {
    throw new OperationalError("noInput", `cannot read "${config}": file does not exist`, {
      hint: `routes help settings > ${shellWord(config, system.isWindows)}`,
    });
  }
  const exists = (path: string) => fileExists(path, system);
  const settings = parseSettings({
    file,
    env: system.env,
    envNames: system.envNames(),
    set,
    exists,
    isWindows: system.isWindows,
  });
  const { postgresql } = settings;
  const connectTimeoutMs = Math.min(postgresql.connectTimeoutMs, timeoutMs);
  return {
    ...settings,
    // The rights of a file that is stdin are not those of its name.
    file: settings.file && { ...settings.file, holdsSecret: !isStdin && settings.file.holdsSecret },
    postgresql: { ...postgresql, connectTimeoutMs },
  };
}

/** As `--config`: the settings come from stdin. */
const STDIN = "-";
/** What messages call it. It is no file, so it has no rights. */
const STDIN_PATH = "stdin";

/** The system in which the PEM texts of the settings are files. */
export function withPemTexts(system: System, { pemTexts }: Settings): System {
  if (pemTexts.size === 0) return system;
  const encoder = new TextEncoder();
  return {
    ...system,
    readFile: (path) => {
      const text = pemTexts.get(path);
      return text === undefined ? system.readFile(path) : encoder.encode(text);
    },
    mode: (path) => pemTexts.has(path) ? null : system.mode(path),
  };
}

/** The first of the files that exists. */
function findSettings(paths: string[], system: System): Sources["file"] {
  const { readFile, isWindows } = system;
  for (const path of paths) {
    try {
      return { path, text: decodeFile(path, readFile(path), isWindows) };
    } catch (error) {
      const { name } = error as Error;
      if (name === "NotFound") continue;
      if (name === "NotCapable") throw outsideAllowedPaths(path, system, error);
      if (error instanceof OperationalError) throw error;
      const kind = name === "PermissionDenied" ? "noPermission" : "noInput";
      throw new OperationalError(
        kind,
        `cannot read "${path}": ${systemReason(error as Error)}`,
        {
          hint: kind === "noPermission"
            ? grantHint(path, isWindows)
            : "name a settings file with --config",
          cause: error,
        },
      );
    }
  }
  return null;
}

function outsideAllowedPaths(
  path: string,
  { isWindows }: System,
  cause: unknown,
): OperationalError {
  const link = isWindows
    // A link is relative to its own folder.
    ? "or link it, as administrator in cmd: mkdir res & mklink res\\host_settings.ini " +
      shellWord(isRelative(path, true) ? `%CD%\\${path}` : path, true)
    : `or link it: mkdir -p res && ln -s "$(realpath ${shellWord(path, false)})" res/`;
  const folder = systemFolder(isWindows);
  return new OperationalError("noPermission", `not permitted to read "${path}"`, {
    reason: `settings are host_settings.ini here or in src, or any file in res or ${folder}`,
    hint: [
      "start routes in the folder of that file, or move the file to one of those places",
      link,
      "or use no file: set ROUTES_KAFKA_TOPIC=…, ROUTES_POSTGRESQL_HOST=… in the environment",
    ],
    cause,
  });
}

/** A file that may not be accessed counts as existing: opening it later fails with a precise message. */
function fileExists(path: string, { mode }: System): boolean {
  try {
    mode(path);
    return true;
  } catch (error) {
    return (error as Error).name !== "NotFound";
  }
}

/** Warnings about valid settings and about the access to their file. */
export async function warningsOf(settings: Settings, system: System): Promise<string[]> {
  const exposure = await exposureOf(settings, system);
  return [...exposure ? [exposure] : [], ...settings.warnings];
}

/** What is wrong with the access to the settings file, and the fix; null: nothing. */
export async function exposureOf({ file }: Settings, system: System): Promise<string | null> {
  if (!file || file.path === STDIN_PATH) return null;
  const { settingsExposure } = await import("../network/file_access.ts");
  const exposure = settingsExposure(file, system);
  return exposure && `${exposure.message}: ${exposure.hint}`;
}
