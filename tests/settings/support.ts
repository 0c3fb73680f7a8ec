import { assertEquals, assertThrows } from "@std/assert";
import { OperationalError } from "../../src/errors.ts";
import { parseSettings } from "../../src/settings/settings.ts";

/** What parseSettings() gets besides the text of the file. */
export interface Given {
  path: string;
  env: Record<string, string>;
  set: string[];
  existing: string[];
  isWindows: boolean;
}

/** Parses settings; null for no file. */
export function readSettings(text: string | null, given: Partial<Given> = {}) {
  const { path = "host_settings.ini", env = {}, set = [], existing = [], isWindows = false } =
    given;
  return parseSettings({
    file: text === null ? null : { path, text },
    env: (name) => env[name],
    envNames: Object.keys(env),
    set,
    exists: (path) => existing.includes(path),
    isWindows,
  });
}

/** Returns the faults in wrong settings. */
export function faultsOf(text: string | null, given: Partial<Given> = {}): string[] {
  const failure = assertThrows(
    () => readSettings(text, given),
    OperationalError,
  ) as OperationalError;
  assertEquals([failure.kind, failure.hint], ["settings", ["routes help settings"]]);
  return failure.reason;
}
