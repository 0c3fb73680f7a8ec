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
/** By group, the member of this process that could not say goodbye. */
const orphans = new Map<string, string>();

/**
 * Has a consumer go on as the member that this process was before its broker went away. As somebody new it would wait for
 * that member too, which nobody can ask any more: 45 s, until the session is over.
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
    // One that the group has forgotten is refused, and kafkajs joins as somebody new.
    this.memberId ??= orphans.get(this.groupId) ?? null;
    orphans.delete(this.groupId);
    await joinAndSync.call(this);
  };
}
