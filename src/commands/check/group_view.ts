import { conflictFailure, conflictOf } from "../group_members.ts";
import type { Claim } from "../group_members.ts";
import type { Finding } from "../../network/certificates.ts";
import type { Member } from "../../kafka/group.ts";
import type { Range } from "../../record/offsets.ts";
import { alignColumns } from "../../terminal/columns.ts";
import { formatCount, formatMany } from "../../units.ts";

/** What the brokers and the database tell about the group of a topic. */
export interface GroupState {
  members: Member[];
  ranges: Map<number, Range>;
  /** By partition, the position in the database. */
  positions: Map<number, number>;
  /** By partition, the offset that the group committed to Kafka. */
  committed: Map<number, number>;
}

/** A finding about the group; `isWhole`: with one line for each partition. */
export function viewGroup(state: GroupState, claim: Claim, isWhole: boolean): Finding {
  const { members, ranges } = state;
  const partitions = [...ranges].sort(([a], [b]) => a - b).map((one) => partitionOf(one, state));
  const lag = partitions.reduce((sum, { lag }) => sum + lag, 0);
  const conflicts = members.filter((member) => conflictOf(member, claim) !== null);
  return {
    seen: `group "${claim.groupId}": ${formatMany(members.length, "member")}, ` +
      `lag ${formatCount(lag)}`,
    ...(conflicts.length > 0 && { fault: conflictFailure(conflicts, claim) }),
    ...(isWhole && {
      lines: table(partitions, members),
      data: {
        group: claim.groupId,
        lag,
        members: members.map(({ name, host, partitions }) => ({ name, host, partitions })),
        partitions: partitions.map(({ owner, ...rest }) => ({
          ...rest,
          member: owner?.name ?? null,
          host: owner?.host ?? null,
        })),
      },
    }),
  };
}

function partitionOf(
  [partition, { low, high }]: [number, Range],
  { members, positions, committed }: GroupState,
) {
  const position = positions.get(partition) ?? null;
  return {
    partition,
    owner: members.find(({ partitions }) => partitions.includes(partition)),
    position,
    committed: committed.get(partition) ?? null,
    end: high,
    lag: Math.max(high - Math.max(position ?? low, low), 0),
  };
}

function table(partitions: ReturnType<typeof partitionOf>[], members: Member[]): string[] {
  const number = (value: number | null) => value === null ? "-" : formatCount(value);
  const idle = members.filter(({ partitions }) => partitions.length === 0);
  return alignColumns([
    ["partition", "member", "host", "position", "committed", "end", "lag"],
    ...partitions.map(({ partition, owner, position, committed, end, lag }) => [
      String(partition),
      owner?.name ?? "-",
      owner?.host ?? "-",
      ...[position, committed, end, lag].map(number),
    ]),
    ...idle.map(({ name, host }) => ["-", name, host, "-", "-", "-", "-"]),
  ], [1, 2]);
}
