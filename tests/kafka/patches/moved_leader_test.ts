import { assertEquals } from "@std/assert";
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
import { followLeaders } from "../../../src/kafka/patches/moved_leader.ts";

followLeaders();

for (
  const [type, calls] of [
    ["NOT_LEADER_FOR_PARTITION", ["metadata"]],
    ["UNKNOWN_TOPIC_OR_PARTITION", ["metadata", "join"]],
  ] as const
) {
  Deno.test(`after ${type}, a consumer calls: ${calls}`, async () => {
    const called: string[] = [];
    const note = (name: string) => () => Promise.resolve(void called.push(name));
    const group = {
      cluster: { refreshMetadata: note("metadata") },
      joinAndSync: note("join"),
      logger: { debug: () => {} },
    };
    const error = Object.assign(new Error("refused"), { type });
    // deno-lint-ignore no-explicit-any
    await (ConsumerGroup as any).prototype.recoverFromFetch.call(group, error);
    assertEquals(called, [...calls]);
  });
}
