// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";

interface Membership {
  groupId: string;
  memberId: string | null;
  joinAndSync(): Promise<void>;
  leave(): Promise<void>;
}

const { joinAndSync, leave } = ConsumerGroup.prototype as Membership;
/** By group, the member id of this process that could not leave the group, or not join it again. */
const orphans = new Map<string, string>();

/**
 * Replaces leave() and joinAndSync() of kafkajs src/consumer/consumerGroup.js: a consumer that lost its broker rejoins under
 * its old member id. As a new member it would wait until the session of the old one expires. Test: tests/tls/tls_test.ts.
 */
export function rejoinAsBefore(): void {
  const membership = ConsumerGroup.prototype as Membership;
  membership.leave = async function () {
    const { groupId, memberId } = this;
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
    } catch (error) {
      // The broker that failed may come back, or another one take over the group with the members that it knows.
      if (this.memberId) orphans.set(this.groupId, this.memberId);
      throw error;
    }
  };
}
