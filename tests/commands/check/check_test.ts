import { assertEquals } from "@std/assert";
import { runCheck } from "../../../src/commands/check/check.ts";
import { openColors } from "../../../src/terminal/color.ts";

Deno.test("check looks at nothing more once it was told to stop", async () => {
  const stop = new AbortController();
  const looked: string[] = [];
  const hop = (name: string) => ({
    name,
    look: () => {
      if (name === "b") stop.abort(130);
      return Promise.resolve(name);
    },
  });
  const code = await runCheck({
    chains: [["a", "b", "c"].map(hop), [hop("d")]],
    looking: (name) => looked.push(name),
    out: () => Promise.resolve(),
    json: false,
    quiet: false,
    unicode: true,
    colors: openColors(false),
    secrets: [],
    flags: [],
    signal: stop.signal,
  });
  assertEquals([code, looked], [130, ["a", "b"]]);
});
