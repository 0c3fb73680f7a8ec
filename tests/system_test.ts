import { assertEquals } from "@std/assert";
import { stopSignals } from "../src/system.ts";

Deno.test("a run ends by the signals of its system, with 128 and the number of the signal", () => {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15, SIGBREAK: 21 };
  for (const isWindows of [false, true]) {
    for (const [name, code] of stopSignals(isWindows)) assertEquals(code, 128 + numbers[name]);
  }
  const names = (isWindows: boolean) => stopSignals(isWindows).map(([name]) => name).sort();
  // The runtime throws for any other signal there.
  assertEquals(names(true), ["SIGBREAK", "SIGHUP", "SIGINT"]);
  assertEquals(names(false), ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"]);
});
