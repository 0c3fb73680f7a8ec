/** The version of this program, kept here and nowhere else. */
export const version = "0.1.0";

/** The libraries in the program, as in deno.json, which a program does not load: Deno would not cache its code then. */
export const libraries = {
  "@std/cli": "1.0.22",
  kafkajs: "2.2.4",
  postgres: "3.4.9",
  valibot: "1.5.0",
};

/** The oldest runtime in which every promise of TLS holds: tests/tls/runtime_test.ts tries each. */
const SOUND: [major: number, minor: number] = [2, 8];

/** What does not hold in this runtime, such as `deno 2.6.10, x86_64-unknown-linux-gnu`; null: everything holds. */
export function weaknessOf(runtime: string): string | null {
  const [, version, major, minor] = /^deno ((\d+)\.(\d+)\.\d+)/.exec(runtime) ?? [];
  const isSound = Number(major) > SOUND[0] ||
    (Number(major) === SOUND[0] && Number(minor) >= SOUND[1]);
  return isSound
    ? null
    : `built with deno ${version}: TLS checks certificates at IP addresses wrongly, and ` +
      "DENO_CERT and SSLKEYLOGFILE weaken it; " +
      `use a program that was built with deno ${SOUND.join(".")} or newer`;
}

/** The text of `routes version`; `all`: with the versions of all parts. */
export function versionText(
  { runtime, engine }: { runtime: string; engine: { v8: string; typescript: string } },
  { json, all }: { json: boolean; all: boolean },
): string {
  if (json) return JSON.stringify({ version, runtime, ...all && { ...engine, libraries } }) + "\n";
  const parts = [
    `V8 ${engine.v8}, TypeScript ${engine.typescript}`,
    Object.entries(libraries).map((library) => library.join(" ")).join(", "),
  ];
  const lines = [`routes ${version} (${runtime})`, weaknessOf(runtime) ?? [], all ? parts : []];
  return lines.flat().join("\n") + "\n";
}
