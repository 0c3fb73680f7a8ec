import { type Checked, placeFlags } from "../../cli/parse.ts";
import { type CheckStep, runCheck } from "./check.ts";
import { secretsOf, type Settings } from "../../settings/settings.ts";
import type { Finding } from "../../network/certificates.ts";
import { unjudged } from "../../network/file_access.ts";
import { openColors, wantsColor } from "../../terminal/color.ts";
import type { System } from "../../system.ts";
import { weaknessOf } from "../../version.ts";
import { type CommandContext, usesUtf8 } from "../context.ts";
import { exposureOf, withPemTexts } from "../load_settings.ts";
import { groupSteps } from "./command_group.ts";
import { kafkaSteps } from "./command_kafka.ts";
import { openOneConnection, postgresSteps } from "./command_postgres.ts";
import type { CheckContext } from "./steps.ts";

/** A check waits less than a command: a longer wait would not change the finding. */
const TIMEOUT_MAX_MS = 8_000;

/** Checks everything that `command` needs, or that any command needs; returns the exit code. */
export async function check(
  { command }: { command: Checked | null },
  { globals, system, reporter, secrets, settings: read }: Omit<CommandContext, "settings"> & {
    secrets: string[];
    settings: () => Settings;
  },
): Promise<number> {
  const { json, quiet } = globals;
  const timeoutMs = Math.min(globals.timeoutMs, TIMEOUT_MAX_MS);
  const context: CheckContext = { system, reporter, timeoutMs, cleanups: [] };
  try {
    return await runCheck({
      chains: chainsOf(command, read, secrets, context),
      json,
      quiet,
      secrets,
      flags: placeFlags(globals),
      unicode: usesUtf8(system.env),
      colors: openColors(wantsColor(globals.color, system.env, system.stdout.columns !== null)),
      reporter,
      system,
      stdout: system.stdout,
    });
  } finally {
    await Promise.allSettled(context.cleanups.map((close) => close()));
  }
}

function chainsOf(
  command: Checked | null,
  read: () => Settings,
  secrets: string[],
  outside: CheckContext,
): CheckStep[][] {
  let settings: Settings;
  try {
    settings = read();
  } catch (error) {
    return [[{ name: "settings", title: "settings", run: () => Promise.reject(error) }]];
  }
  secrets.push(...secretsOf(settings));
  const context = { ...outside, system: withPemTexts(outside.system, settings) };
  const usesKafka = command === null || command === "produce" || command === "consume";
  const sql = openOneConnection(settings.postgresql, context);
  return [
    [{
      name: "settings",
      title: "settings",
      run: () => checkSettingsFile(settings, context.system),
    }],
    ...(usesKafka ? [kafkaSteps(settings.kafka, command, context)] : []),
    ...(command === "produce" ? [] : [postgresSteps(settings.postgresql, sql, command, context)]),
    ...(command === null || command === "consume"
      ? [groupSteps(settings, sql, command, context)]
      : []),
  ];
}

async function checkSettingsFile(settings: Settings, system: System): Promise<Finding[]> {
  const weakness = weaknessOf(system.runtime);
  const warned = [...weakness ? [weakness] : [], ...settings.warnings].map((warning) => ({
    seen: warning,
    warning,
  }));
  const { file } = settings;
  if (file === null) {
    return [{ seen: "no settings file: using defaults and the environment" }, ...warned];
  }
  // A command warns of it too, and goes on.
  const warning = await exposureOf(settings, system);
  const access = file.holdsSecret ? unjudged(file.path, system) : "";
  const seen = `settings file "${file.path}"${access}`;
  return [{ seen, ...warning && { warning } }, ...warned];
}
