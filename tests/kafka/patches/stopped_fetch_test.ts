import { assert, assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import Runner from "npm:kafkajs@2.2.4/src/consumer/runner.js";
import { pauseStoppedFetches } from "../../../src/kafka/patches/stopped_fetch.ts";

pauseStoppedFetches();

Deno.test("fetches of a stopped consumer let timers fire", async () => {
  // deno-lint-ignore no-explicit-any
  const { fetch } = (Runner as any).prototype;
  const runner = { running: false, logger: { debug: () => {} }, consumerGroup: {} };
  let isOver = false;
  const timer = setTimeout(() => isOver = true, 150);
  // As kafkajs does when the brokers changed while it was stopped.
  let fetches = 0;
  while (!isOver && fetches < 1_000) {
    assertEquals(await fetch.call(runner, 1), []);
    fetches++;
  }
  clearTimeout(timer);
  assert(isOver && fetches < 10, `${fetches} fetches`);
});
