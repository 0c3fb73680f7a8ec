import { assertEquals } from "@std/assert";
import { runCheck } from "../../../src/commands/check/check.ts";
import { OperationalError } from "../../../src/errors.ts";
import { openColors } from "../../../src/terminal/color.ts";

/** Runs chains of steps; a step whose name begins with "bad" fails. */
async function check(
  chains: { name: string; needsAll?: boolean; run?: () => Promise<string> }[][],
): Promise<string> {
  let text = "";
  await runCheck({
    chains: chains.map((chain) =>
      chain.map((step) => ({
        title: `the ${step.name}`,
        run: () => {
          if (!step.name.startsWith("bad")) return Promise.resolve(`${step.name} seen`);
          throw new OperationalError("data", `${step.name} failed`, { hint: "repair it" });
        },
        ...step,
      }))
    ),
    reporter: { wait: () => {}, clear: () => {} },
    system: { signal: new AbortController().signal, isWindows: false },
    stdout: { write: (more) => Promise.resolve(void (text += more)) },
    json: false,
    quiet: false,
    unicode: true,
    colors: openColors(false),
    secrets: [],
    flags: [],
  });
  return text;
}

Deno.test("check names the steps that it leaves out in words, also one that needs all others", async () => {
  const last = { name: "group", needsAll: true };
  assertEquals(await check([[{ name: "a" }], [last]]), "✓ a seen\n✓ group seen\n");
  assertEquals(
    await check([[{ name: "bad" }, { name: "b" }], [{ name: "c" }], [last]]),
    "✗ bad failed\n    fix: repair it\n- not checked: the b\n✓ c seen\n- not checked: the group\n",
  );
});

Deno.test("check starts no further step after it was aborted", async () => {
  const stop = new AbortController();
  const started: string[] = [];
  const step = (name: string) => ({
    name,
    title: name,
    run: () => {
      if (name === "b") stop.abort(130);
      return Promise.resolve(name);
    },
  });
  const code = await runCheck({
    chains: [["a", "b", "c"].map(step), [step("d")]],
    reporter: { wait: (line) => started.push(line), clear: () => {} },
    system: { signal: stop.signal, isWindows: false },
    stdout: { write: () => Promise.resolve() },
    json: false,
    quiet: false,
    unicode: true,
    colors: openColors(false),
    secrets: [],
    flags: [],
  });
  assertEquals([code, started], [130, ["checking a", "checking d", "checking b"]]);
});

Deno.test("check runs independent chains at the same time, and prints them in their order", async () => {
  const started = Promise.withResolvers<string>();
  const first = { name: "first", run: () => started.promise };
  const second = {
    name: "second",
    run: () => {
      // The first chain ends only if the second one has begun.
      started.resolve("first seen");
      return Promise.resolve("second seen");
    },
  };
  assertEquals(await check([[first], [second]]), "✓ first seen\n✓ second seen\n");
});
