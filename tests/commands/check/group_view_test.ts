import { assertEquals } from "@std/assert";
import { viewGroup } from "../../../src/commands/check/group_view.ts";
import type { Member } from "../../../src/kafka/group.ts";

const claim = { groupId: "g", topic: "t", destination: "here" };
const member = (name: string, partitions: number[], changes: Partial<Member> = {}): Member => ({
  name,
  host: "10.0.0.7",
  protocol: "classic",
  otherAssignor: null,
  topics: ["t"],
  partitions,
  destination: "here",
  ...changes,
});
const state = {
  members: [member("routes-1a2b", [0, 1]), member("routes-9f00", [])],
  ranges: new Map([[2, { low: 5, high: 30 }], [0, { low: 0, high: 1_200 }], [1, {
    low: 0,
    high: 7,
  }]]),
  positions: new Map([[0, 1_000], [1, 7]]),
  committed: new Map([[0, 900], [1, 7]]),
};

Deno.test("the group view shows every partition with its member, also those without one", () => {
  const { seen, fault, lines } = viewGroup(state, claim, true);
  assertEquals([seen, fault], ['group "g": 2 members, lag 225', undefined]);
  assertEquals(lines, [
    "partition  member       host      position  committed    end  lag",
    "        0  routes-1a2b  10.0.0.7     1 000        900  1 200  200",
    "        1  routes-1a2b  10.0.0.7         7          7      7    0",
    "        2  -            -                -          -     30   25",
    "        -  routes-9f00  10.0.0.7         -          -      -    -",
  ]);
});

Deno.test("the group view of a check of everything has one line, and names members that do other work", () => {
  const other = member("rdkafka-77aa", [2], { otherAssignor: "range" });
  const view = viewGroup({ ...state, members: [...state.members, other] }, claim, false);
  assertEquals([view.lines, view.data], [undefined, undefined]);
  assertEquals([view.fault?.kind, view.fault?.reason], [
    "unavailable",
    ['member rdkafka-77aa (10.0.0.7, partition 2) uses the assignor "range"'],
  ]);
});
