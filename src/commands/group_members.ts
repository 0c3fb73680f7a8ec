import { OperationalError } from "../errors.ts";
import type { Member } from "../kafka/group.ts";
import { ownGroup } from "../settings/kafka.ts";

/** What this run does in its group. */
export interface Claim {
  groupId: string;
  topic: string;
  /** Where it stores the records. */
  destination: string;
}

/** Why a member cannot share the work of this run, as the end of a sentence; null if it can, or if that is not known. */
export function conflictOf(member: Member, { topic, destination }: Claim): string | null {
  if (member.protocol === "consumer") return "uses the consumer protocol (KIP-848)";
  if (member.otherAssignor !== null) return `uses the assignor "${member.otherAssignor}"`;
  const others = member.topics.filter((name) => name !== topic);
  if (others.length > 0) return `reads topic ${others.map((name) => `"${name}"`).join(", ")}`;
  const isElsewhere = member.destination !== null && member.destination !== destination;
  return isElsewhere ? `stores into ${member.destination}` : null;
}

/** Whether this run, of two that joined the group at the same time, is the one that leaves it. */
export function yieldsTo({ destination, topics }: Member, claim: Claim): boolean {
  if (destination === null) return false;
  return `${topics} ${destination}` < `${claim.topic} ${claim.destination}`;
}

/** The failure when members of the group do other work than this run. */
export function conflictFailure(members: Member[], claim: Claim): OperationalError {
  return new OperationalError(
    "unavailable",
    `group "${claim.groupId}" is also used for other work`,
    {
      reason: members.map((member) =>
        `member ${describeMember(member)} ${conflictOf(member, claim)}`
      ),
      hint: ownGroup(claim.groupId),
    },
  );
}

/** `partition 1`, `partitions 0, 2` */
export function partitionsOf(partitions: number[]): string {
  return `${partitions.length === 1 ? "partition" : "partitions"} ${partitions.join(", ")}`;
}

/** `routes-1a2b (10.0.0.7, partitions 0, 2)` */
export function describeMember({ name, host, partitions }: Member): string {
  return `${name} (${host}, ${partitions.length > 0 ? partitionsOf(partitions) : "no partition"})`;
}
