import type { Globals } from "../cli/parse.ts";
import { parseSettings, type Settings, SETTINGS_FILES } from "../settings/settings.ts";
import { decodeFile } from "../settings/file_text.ts";
import type { Sources } from "../settings/sources.ts";
import { OperationalError, shellWord, systemReason } from "../errors.ts";
import type { System } from "../system.ts";

/** Reads the settings of this run; throws one error with all faults. */
export function readSettings({ config, set, timeoutMs }: Globals, system: System): Settings {
  const file = findSettings(config === null ? SETTINGS_FILES : [config], system);
  if (config !== null && !file) {
    throw new OperationalError("noInput", `cannot read "${config}": file does not exist`, {
      hint: `routes help settings > ${shellWord(config)}`,
    });
  }
  const exists = (path: string) => fileExists(path, system);
  const settings = parseSettings({
    file,
    env: system.env,
    envNames: system.envNames(),
    set,
    exists,
  });
  const { postgresql } = settings;
  const connectTimeoutMs = Math.min(postgresql.connectTimeoutMs, timeoutMs);
  return { ...settings, postgresql: { ...postgresql, connectTimeoutMs } };
}

/** The first of the files that exists. */
function findSettings(paths: string[], { readFile }: System): Sources["file"] {
  for (const path of paths) {
    try {
      return { path, text: decodeFile(path, readFile(path)) };
    } catch (error) {
      const { name } = error as Error;
      if (name === "NotFound") continue;
      if (name === "NotCapable") throw outsideAllowedPaths(path, error);
      if (error instanceof OperationalError) throw error;
      const kind = name === "PermissionDenied" ? "noPermission" : "noInput";
      throw new OperationalError(
        kind,
        `cannot read "${path}": ${systemReason(error as Error)}`,
        {
          hint: kind === "noPermission"
            ? `chmod u+r ${shellWord(path)}, as the owner of the file`
            : "name a settings file with --config",
          cause: error,
        },
      );
    }
  }
  return null;
}

function outsideAllowedPaths(path: string, cause: unknown): OperationalError {
  const link = `ln -s "$(realpath ${shellWord(path)})" res/`;
  return new OperationalError("noPermission", `not permitted to read "${path}"`, {
    reason: "settings are host_settings.ini here or in src, or any file in res or /etc/routes",
    hint: [
      "start routes in the folder of that file, or move the file to one of those places",
      `or link it: mkdir -p res && ${link}`,
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

/** Warnings about valid settings. */
export async function warningsOf(settings: Settings, system: System): Promise<string[]> {
  const { file, warnings } = settings;
  if (!file?.holdsSecret) return warnings;
  const { openToOthers } = await import("../network/certificates.ts");
  const fault = openToOthers(file.path, system);
  return fault ? [...warnings, `${fault.message}: ${fault.hint}`] : warnings;
}
