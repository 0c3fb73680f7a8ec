import type { Globals } from "../cli/parse.ts";
import { parseSettings, type Settings, SETTINGS_FILES } from "../settings/settings.ts";
import type { Sources } from "../settings/sources.ts";
import { OperationalError, systemReason } from "../errors.ts";
import type { System } from "../system.ts";

/** The settings as this run has them; throws all that is wrong with them. */
export function readSettings({ config, set, timeoutMs }: Globals, system: System): Settings {
  const file = findSettings(config === null ? SETTINGS_FILES : [config], system);
  if (config !== null && !file) {
    throw new OperationalError("noInput", `cannot read "${config}": file does not exist`, {
      hint: `routes help settings > ${config}`,
    });
  }
  const exists = (path: string) => isThere(path, system);
  const settings = parseSettings({ file, env: system.env, set, exists });
  const { postgresql } = settings;
  const connectTimeoutMs = Math.min(postgresql.connectTimeoutMs, timeoutMs);
  return { ...settings, postgresql: { ...postgresql, connectTimeoutMs } };
}

/** The first of them that is there, read. */
function findSettings(paths: string[], { readFile }: System): Sources["file"] {
  for (const path of paths) {
    try {
      const text = new TextDecoder("utf-8", { fatal: true }).decode(readFile(path));
      return { path, text };
    } catch (error) {
      const { name } = error as Error;
      if (name === "NotFound") continue;
      if (name === "NotCapable") throw outOfBounds(path, error);
      if (error instanceof TypeError) {
        throw new OperationalError("settings", `cannot read "${path}": it is not UTF-8 text`, {
          hint: `save it as UTF-8: iconv -f LATIN1 -t UTF-8 "${path}"`,
        });
      }
      const kind = name === "PermissionDenied" ? "noPermission" : "noInput";
      throw new OperationalError(
        kind,
        `cannot read "${path}": ${systemReason(error as Error)}`,
        {
          hint: kind === "noPermission"
            ? `chmod u+r "${path}", as the user whose file it is`
            : "name a settings file with --config",
          cause: error,
        },
      );
    }
  }
  return null;
}

function outOfBounds(path: string, cause: unknown): OperationalError {
  const link = `ln -s "$(realpath ${path})" res/`;
  return new OperationalError("noPermission", `not permitted to read "${path}"`, {
    reason: "settings are host_settings.ini here or in src, or any file in res or /etc/routes",
    hint: [
      "start routes where it is one of those, or put it there",
      `or leave it and link it: mkdir -p res && ${link}`,
      "or do without a file: ROUTES_KAFKA_TOPIC=…, ROUTES_POSTGRESQL_HOST=… in the environment",
    ],
    cause,
  });
}

/** What may not be looked at counts as there: whoever needs it meets the refusal, and can name it. */
function isThere(path: string, { mode }: System): boolean {
  try {
    mode(path);
    return true;
  } catch (error) {
    return (error as Error).name !== "NotFound";
  }
}

/** What is to be said of the settings, right as they may be. */
export async function warningsOf(settings: Settings, system: System): Promise<string[]> {
  const { file, warnings } = settings;
  if (!file?.holdsSecret) return warnings;
  const { openToOthers } = await import("../network/certificates.ts");
  const fault = openToOthers(file.path, system);
  return fault ? [...warnings, `${fault.message}: ${fault.hint}`] : warnings;
}
