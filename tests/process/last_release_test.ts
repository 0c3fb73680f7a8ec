import { assertEquals, assertMatch } from "@std/assert";
import { importFlags } from "../support/imports.ts";
import { quietEnv, spawn, withProgram } from "../support/program.ts";

// An upgrade with data in place: the program of the last release writes, then this one goes on.

const ROOT = `${import.meta.dirname}/../..`;

async function git(args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command("git", { args, cwd: ROOT, stderr: "null" })
    .output();
  return success ? new TextDecoder().decode(stdout).trim() : "";
}

/** The last release before this commit; empty: there is none, or its tag is not here. */
const tag = await git(["describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^"]);

Deno.test({
  name: `this program goes on where that of the last release stopped (${tag || "needs its tag"})`,
  ignore: tag === "",
  fn: () =>
    withProgram({ partitions: 3, migrated: false }, async (fixture) => {
      const older = await Deno.makeTempDir({ prefix: "routes-older-" });
      try {
        const archive = `${older}/sources.tar`;
        assertEquals(await git(["archive", "--output", archive, tag]), "");
        await new Deno.Command("tar", { args: ["-xf", archive, "-C", older] }).output();
        // With its own versions of the libraries.
        const flags = (await importFlags(() => {})).map((flag) =>
          flag.replace(/^.*\/(?=import_map\.json$)/, `${older}/tests/support/`)
        );
        const run = ["run", "-A", "--quiet", "--no-check", "--config", `${older}/deno.json`];
        const old = async (...args: string[]) => {
          const ended = await spawn(
            Deno.execPath(),
            [...run, ...flags, `${older}/src/main.ts`, ...args],
            { cwd: fixture.dir, env: quietEnv(), stdin: undefined },
          ).ended;
          assertEquals(ended.code, 0, `${args.join(" ")}\n${ended.stderr}`);
          return ended.stdout;
        };
        const now = async (...args: string[]) => {
          const ended = await fixture.routes(args);
          assertEquals(ended.code, 0, `${args.join(" ")}\n${ended.stdout}${ended.stderr}`);
          return ended.stdout;
        };
        assertMatch(await old("--version"), new RegExp(`^routes ${tag.slice(1)} `));
        await old("migrate");
        await old("produce", "--count", "600", "--invalid", "5", "--seed", "1");
        await old("consume");
        await old("produce", "--count", "400", "--invalid", "5", "--seed", "2");
        const before = await fixture.counts();
        assertEquals(before.rows + before.rejects + before.tombstones, 600);

        await now("migrate");
        assertEquals(await fixture.counts(), before);
        await now("consume");
        await now("verify");
        await now("produce", "--count", "100", "--seed", "3");
        await now("consume");
        await now("verify");
        const { rows, rejects, tombstones, next } = await fixture.counts();
        assertEquals([rows + rejects + tombstones, next], [1_100, 1_100]);
      } finally {
        await Deno.remove(older, { recursive: true });
      }
    }),
});
