import { type Checked, type Globals, placeFlags } from "../cli.ts";
import { type Finding, type Hop, runCheck } from "../commands/check.ts";
import { secretsOf, type Settings } from "../config.ts";
import { openToOthers } from "../credentials.ts";
import { openPaint, wantsColor } from "../paint.ts";
import type { World } from "../world.ts";
import type { Talk } from "../talk.ts";
import { speaksUtf8 } from "./bench.ts";
import { kafkaHops } from "./check_kafka.ts";
import { postgresHops } from "./check_postgres.ts";
import type { Surroundings } from "./hops.ts";

/** Looking waits less than real work would: nobody is helped by more. */
const WAIT_MAX_MS = 8_000;

/** Looks at everything that `command` needs, or all; returns the exit code. */
export async function check(
  { command }: { command: Checked | null },
  { globals, world, talk, secrets, settings: read }: {
    globals: Globals;
    world: World;
    talk: Talk;
    secrets: string[];
    settings: () => Settings;
  },
): Promise<number> {
  const { json, quiet } = globals;
  const timeoutMs = Math.min(globals.timeoutMs, WAIT_MAX_MS);
  const around: Surroundings = { world, talk, timeoutMs, closing: [] };
  try {
    return await runCheck({
      chains: chainsOf(command, read, secrets, around),
      json,
      quiet,
      secrets,
      flags: placeFlags(globals),
      unicode: speaksUtf8(world.env),
      paint: openPaint(wantsColor(globals.color, world.env, world.stdout.columns !== null)),
      signal: world.signal,
      looking: (name) => talk.wait(`looking at ${name}`),
      out: (text) => {
        talk.clear();
        return world.stdout.write(text);
      },
    });
  } finally {
    await Promise.allSettled(around.closing.map((close) => close()));
  }
}

function chainsOf(
  command: Checked | null,
  read: () => Settings,
  secrets: string[],
  around: Surroundings,
): Hop[][] {
  let settings: Settings;
  try {
    settings = read();
  } catch (error) {
    return [[{ name: "settings", look: () => Promise.reject(error) }]];
  }
  secrets.push(...secretsOf(settings));
  const usesKafka = command === null || command === "produce" || command === "consume";
  return [
    [{ name: "settings", look: () => Promise.resolve(lookAtFile(settings, around.world)) }],
    ...(usesKafka ? [kafkaHops(settings.kafka, command, around)] : []),
    ...(command === "produce" ? [] : [postgresHops(settings.postgresql, command, around)]),
  ];
}

function lookAtFile({ file, warnings }: Settings, world: World): Finding[] {
  const warned = warnings.map((warning) => ({ seen: warning, warning }));
  if (file === null) {
    return [{ seen: "no settings file: defaults and the environment serve" }, ...warned];
  }
  const fault = file.holdsSecret ? openToOthers(file.path, world) : null;
  return [{ seen: `settings file "${file.path}"`, ...(fault && { fault }) }, ...warned];
}
