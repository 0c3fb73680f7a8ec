import { assertEquals, assertMatch } from "@std/assert";
import { importFlags } from "../support/imports.ts";
import { programCommand } from "../support/permissions.ts";
import { type ProgramFixture, quietEnv, withProgram } from "../support/program.ts";

const [program, flags] = programCommand(await importFlags(() => {}));

/** Runs the program with a reader that closes the pipe after one line; the exit code is that of the program. */
async function intoHead({ dir }: ProgramFixture, args: string[]) {
  const line = [program, ...flags, ...args].map((word) => `'${word}'`).join(" ");
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `{ ${line}; echo "code $?" >&2; } | head -n 1`],
    cwd: dir,
    env: quietEnv(),
    clearEnv: true,
  }).output();
  const text = new TextDecoder().decode(stderr);
  return {
    lines: new TextDecoder().decode(stdout).split("\n").length - 1,
    code: Number(/code (\d+)/.exec(text)?.[1]),
    stderr: text,
  };
}

Deno.test("produce and consume with --tee finish their work although the reader of the copies has gone", () =>
  withProgram({ partitions: 2 }, async (fixture) => {
    const sent = await intoHead(fixture, ["produce", "--tee", "-n", "20000"]);
    assertEquals([sent.lines, sent.code], [1, 0], sent.stderr);
    assertMatch(sent.stderr, /^sent 20 000 records /m);
    const stored = await intoHead(fixture, ["consume", "--tee"]);
    assertEquals([stored.lines, stored.code], [1, 0], stored.stderr);
    assertMatch(stored.stderr, / 20 000 stored, .* · lag 0$/m);
    assertEquals((await fixture.counts()).rows, 20_000);
  }));

Deno.test("runs without an end stop when the reader of their --tee has gone, and tell the truth", () =>
  withProgram({}, async (fixture) => {
    const sent = await intoHead(fixture, ["produce", "--tee", "--count", "0", "--rate", "5000"]);
    assertEquals([sent.lines, sent.code], [1, 0], sent.stderr);
    const [, count] = /^sent (\S+(?: \d+)*) records? /m.exec(sent.stderr)!;
    const total = Number(count!.replaceAll(" ", ""));
    const followed = await intoHead(fixture, ["consume", "--follow", "--tee"]);
    assertEquals([followed.lines, followed.code], [1, 0], followed.stderr);
    const [, lag] = / · lag (\d+(?: \d+)*)$/m.exec(followed.stderr)!;
    const { rows } = await fixture.counts();
    assertEquals(Number(lag!.replaceAll(" ", "")), total - rows);
  }));
