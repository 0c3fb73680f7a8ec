import { assertEquals, assertRejects } from "@std/assert";
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
import { followCoordinator } from "../../../src/kafka/patches/moved_coordinator.ts";

/** A member whose heartbeats are answered with this code; 0 is success. */
function memberOf(code: number, findGroupCoordinator: () => Promise<object>) {
  const sent: string[] = [];
  const broker = (name: string, answer: number) => ({
    name,
    heartbeat: () => {
      sent.push(name);
      return answer === 0
        ? Promise.resolve()
        : Promise.reject(Object.assign(new Error("refused"), { code: answer }));
    },
  });
  const options = { groupId: "group", memberId: "member", logger: { namespace: () => ({}) } };
  // deno-lint-ignore no-explicit-any
  const member = new (ConsumerGroup as any)({ ...options, cluster: { findGroupCoordinator } });
  Object.assign(member, {
    memberId: "member",
    coordinator: broker("old", code),
    offsetManager: {},
    instrumentationEmitter: { emit: () => {} },
    lastRequest: 0,
  });
  return { member, sent, next: broker("new", 0) };
}

followCoordinator();

Deno.test("a member goes on with the broker that took over its group, without joining again", async () => {
  const { member, sent, next } = memberOf(16, () => Promise.resolve(next));
  // Each batch that is being stored sends heartbeats of its own.
  await Promise.all([member.heartbeat({ interval: 0 }), member.heartbeat({ interval: 0 })]);
  await member.heartbeat({ interval: 0 });
  assertEquals(sent, ["old", "new"]);
  assertEquals(member.offsetManager.coordinator, next);
});

Deno.test("a member joins again while no broker has taken over its group, or when it rebalances", async () => {
  const lost = memberOf(16, () => Promise.reject(new Error("not available")));
  await assertRejects(() => lost.member.heartbeat({ interval: 0 }), Error, "refused");
  const rebalance = memberOf(27, () => Promise.resolve(rebalance.next));
  await assertRejects(() => rebalance.member.heartbeat({ interval: 0 }), Error, "refused");
  assertEquals(rebalance.member.coordinator.name, "old");
});
