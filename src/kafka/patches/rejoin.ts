// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
import type { Cluster } from "../cluster.ts";
import { fetchMembers } from "../group.ts";
import { instanceIdIn } from "./static_members.ts";

interface Membership {
  groupId: string;
  memberId: string | null;
  leaderId: string | null;
  cluster: Cluster;
  /** By topic, the partitions that the cluster has. */
  partitionsPerSubscribedTopic: Map<string, number[]>;
  joinAndSync(): Promise<void>;
  leave(): Promise<void>;
}

const { joinAndSync, leave } = ConsumerGroup.prototype as Membership;
/** By group, the member id of this process that did not leave the group, or could not join it again. */
const orphans = new Map<string, string>();

/**
 * Replaces leave() and joinAndSync() of kafkajs src/consumer/consumerGroup.js: a consumer that lost its broker rejoins under
 * its old member id. As a new member it would wait until the session of the old one expires. Test: tests/tls/tls_test.ts.
 */
export function rejoinAsBefore(): void {
  const membership = ConsumerGroup.prototype as Membership;
  membership.leave = async function () {
    const { groupId, memberId } = this;
    // Its next run takes over the partitions. The old id tells the broker if another process did that before.
    if (instanceIdIn(groupId) !== null) {
      if (memberId) orphans.set(groupId, memberId);
      this.memberId = null;
      return;
    }
    try {
      await leave.call(this);
    } catch (error) {
      if (memberId) orphans.set(groupId, memberId);
      throw error;
    }
  };
  membership.joinAndSync = async function () {
    // If the group no longer knows the id, the broker rejects it and kafkajs joins as a new member.
    this.memberId ??= orphans.get(this.groupId) ?? null;
    orphans.delete(this.groupId);
    try {
      await joinAndSync.call(this);
      if (await hasUnassigned(this)) await joinAndSync.call(this);
    } catch (error) {
      // The broker that failed may come back, or another one take over the group with the members that it knows.
      if (this.memberId) orphans.set(this.groupId, this.memberId);
      throw error;
    }
  };
}

/**
 * Whether this process has taken over a membership in a group that does not know all partitions. They may have been added
 * while it was away, and if it leads the group, the broker does not tell it so until it joins once more (KAFKA-13435).
 */
async function hasUnassigned(membership: Membership): Promise<boolean> {
  const { groupId, memberId, leaderId, cluster, partitionsPerSubscribedTopic } = membership;
  if (instanceIdIn(groupId) === null || memberId === leaderId) return false;
  for (const [topic, partitions] of partitionsPerSubscribedTopic) {
    const members = await fetchMembers(cluster, groupId, topic);
    const assigned = members.flatMap((member) => member.partitions);
    if (assigned.length < partitions.length) return true;
  }
  return false;
}
