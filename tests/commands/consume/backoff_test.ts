import { assertEquals } from "@std/assert";
import { Backoff } from "../../../src/commands/consume/backoff.ts";

const forever = new AbortController().signal;

/** The pauses of a back-off before the given number of attempts, with the same random number for each. */
async function pauses(attempts: number, random: number): Promise<number[]> {
  const waits: number[] = [];
  const backoff = new Backoff(Infinity, {
    postgres: { judge: () => ({ act: "wait", state: "" }), explain: (error) => error as Error },
    reporter: { note: () => {} },
    system: {
      clock: () => 0,
      sleep: (ms) => Promise.resolve(void waits.push(ms)),
      random: () => random,
    },
  });
  await backoff.retry(forever, () => {
    return waits.length < attempts ? Promise.reject(new Error("gone")) : Promise.resolve();
  });
  return waits;
}

Deno.test("the pauses double up to five seconds, and chance shortens them by up to a half", async () => {
  const longest = [200, 400, 800, 1_600, 3_200, 5_000, 5_000];
  assertEquals(await pauses(7, 0), longest.map((ms) => ms / 2));
  assertEquals(await pauses(7, 2 ** 31), longest.map((ms) => ms * 0.75));
  assertEquals((await pauses(7, 2 ** 32 - 1)).map(Math.round), longest);
});
