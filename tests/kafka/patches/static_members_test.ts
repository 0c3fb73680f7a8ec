import { assertEquals, assertThrows } from "@std/assert";
// Modules of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
// deno-lint-ignore no-import-prefix
import heartbeat from "npm:kafkajs@2.2.4/src/protocol/requests/heartbeat/index.js";
// deno-lint-ignore no-import-prefix
import joinGroup from "npm:kafkajs@2.2.4/src/protocol/requests/joinGroup/index.js";
// deno-lint-ignore no-import-prefix
import syncGroup from "npm:kafkajs@2.2.4/src/protocol/requests/syncGroup/index.js";
import { OperationalError } from "../../../src/errors.ts";
import { rejoinAsBefore } from "../../../src/kafka/patches/rejoin.ts";
import { joinAs, sendInstanceIds } from "../../../src/kafka/patches/static_members.ts";

// deno-lint-ignore no-explicit-any
type Loose = any;

const MEMBER = { memberId: "m", groupProtocols: [], groupAssignment: [] };

/** What a request sends. */
async function sent(api: Loose, version: number, groupId: string): Promise<string> {
  const { request } = api.protocol({ version })({ ...MEMBER, groupId });
  return (await request.encode()).buffer.toString("latin1");
}

const requests: [name: string, api: Loose, since: number][] = [
  ["JoinGroup", joinGroup, 5],
  ["SyncGroup", syncGroup, 3],
  ["Heartbeat", heartbeat, 3],
];

for (const [name, api, since] of requests) {
  Deno.test(`${name} carries the instance id of its group, and the member of another group has none`, async () => {
    sendInstanceIds();
    joinAs("ours", "worker-17");
    try {
      assertEquals((await sent(api, since, "ours")).includes("\0\tworker-17"), true);
      assertEquals((await sent(api, since, "other")).includes("worker-17"), false);
      await sent(api, since - 1, "other");
    } finally {
      joinAs("ours", null);
    }
    assertEquals((await sent(api, since, "ours")).includes("worker-17"), false);
  });

  Deno.test(`${name} of brokers that know no instance ids is refused, not sent without one`, () => {
    sendInstanceIds();
    joinAs("ours", "worker-17");
    try {
      const { kind, hint } = assertThrows(
        () => api.protocol({ version: since - 1 })({ ...MEMBER, groupId: "ours" }),
        OperationalError,
        "the Kafka brokers do not know group_instance_id",
      );
      assertEquals([kind, hint], ["settings", ["remove [kafka] group_instance_id"]]);
    } finally {
      joinAs("ours", null);
    }
  });
}

Deno.test("a static member does not leave its group, and joins again under its old id, which a newer process makes void", async () => {
  rejoinAsBefore();
  joinAs("ours", "worker-17");
  const prototype = ConsumerGroup.prototype as Loose;
  try {
    const before = { groupId: "ours", memberId: "worker-17-x" };
    // Without a coordinator, a request would fail.
    await prototype.leave.call(before);
    assertEquals(before.memberId, null);
    const after = {
      ...before,
      retrier: () => Promise.resolve(),
      leaderId: "worker-17-x",
    };
    await prototype.joinAndSync.call(after);
    assertEquals(after.memberId, "worker-17-x");
  } finally {
    joinAs("ours", null);
  }
});
