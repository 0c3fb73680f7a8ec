import { assertEquals } from "@std/assert";
import { runCheck } from "../../../src/commands/check/check.ts";
import { openColors } from "../../../src/terminal/color.ts";

Deno.test("check starts no further step after it was aborted", async () => {
  const stop = new AbortController();
  const started: string[] = [];
  const step = (name: string) => ({
    name,
    run: () => {
      if (name === "b") stop.abort(130);
      return Promise.resolve(name);
    },
  });
  const code = await runCheck({
    chains: [["a", "b", "c"].map(step), [step("d")]],
    reporter: { wait: (line) => started.push(line), clear: () => {} },
    system: { signal: stop.signal },
    stdout: { write: () => Promise.resolve() },
    json: false,
    quiet: false,
    unicode: true,
    colors: openColors(false),
    secrets: [],
    flags: [],
  });
  assertEquals([code, started], [130, ["checking a", "checking b"]]);
});
