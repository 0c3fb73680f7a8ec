import { assert, assertEquals } from "@std/assert";
import { withProgram } from "../support/program.ts";

/** On a line of 100 ms, each costs a command this time. Connections count too; requests that overlap can count twice. */
const MOST = { consume: 19 };

Deno.test("consume writes its first records after few round trips", () =>
  withProgram({}, async ({ routes }) => {
    let output = "";
    // The first run creates the group and the positions.
    for (let run = 0; run < 2; run++) {
      assertEquals((await routes(["produce", "-n", "10"])).code, 0);
      const { code, stderr } = await routes(["consume", "-vv"]);
      assertEquals(code, 0, output = stderr);
    }
    const trips = Number(/until the first records were written: (\d+)/.exec(output)?.[1]);
    assert(trips <= MOST.consume, `${trips} round trips\n${output}`);
  }));
