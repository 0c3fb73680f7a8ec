import { assertEquals, assertThrows } from "@std/assert";
import { TopicVerifier } from "../../../src/commands/verify/topic_verifier.ts";
import { OperationalError } from "../../../src/errors.ts";
import type { AuditedSource } from "../../../src/postgres/audit.ts";

const source = (partition: number): AuditedSource => ({
  id: partition + 100,
  partition,
  topicId: null,
  startOffset: 0,
  nextOffset: 9,
  stored: 9,
  rejected: 0,
  tombstones: 0,
  tombstonesTo: 0,
  rowsHeld: 9,
  rejectsHeld: 0,
  ahead: [],
  lost: [],
});

Deno.test("TopicVerifier needs every partition that was read, and gets more without complaint", async () => {
  const ranges = new Map([0, 1, 2].map((partition) => [partition, { low: 0, high: 9 }]));
  const verifier = new TopicVerifier(
    {
      topic: "t",
      postgres: { held: () => Promise.reject(new Error("not asked")) },
      onCompared: () => {},
      done: new AbortController(),
    },
    [source(0), source(1)],
    { ranges, isCompacted: false },
  );
  assertEquals([...(await verifier.assign([0, 1, 2])).keys()], [0, 1, 2]);
  const error = assertThrows(() => verifier.assign([0, 2]), OperationalError);
  assertEquals(error.message, 'Kafka did not assign partition 1 of topic "t"');
});
