import { assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { RunStats } from "../../../src/commands/consume/stats.ts";
import { makeStep } from "../../../src/commands/consume/step.ts";

Deno.test("a run counts the tombstones of a replay, which the database has counted before", () => {
  const record = '{"userID":7,"timestamp":1732431234.5,"coordinates":[60.17,24.94]}';
  const values = [record, null, "no JSON"];
  const messages = values.map((text, offset) => ({
    offset: `${offset}`,
    value: text === null ? null : Buffer.from(text),
  }));
  const step = makeStep(1, 0, messages as never, { countedTo: 3 });
  assertEquals(step.validated.tombstones, 0);
  const stats = new RunStats(() => 0);
  stats.settled(step);
  const { read, stored, rejected, tombstones } = stats.health();
  assertEquals({ read, stored, rejected, tombstones }, {
    read: 3,
    stored: 1,
    rejected: 1,
    tombstones: 1,
  });
});
