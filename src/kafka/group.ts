import { AssignerProtocol, type PartitionAssigner, PartitionAssigners } from "kafkajs";
import { Buffer } from "node:buffer";
import { causes } from "./causes.ts";
import type { Broker, Cluster, DescribedGroup } from "./cluster.ts";
import {
  canDescribeConsumerGroups,
  type ConsumerGroup,
  consumerGroupDescribe,
} from "./consumer_group_describe.ts";
import { BadAnswer } from "./patches/bad_answers.ts";

const { MemberAssignment, MemberMetadata } = AssignerProtocol;

/** A process in a consumer group. */
export interface Member {
  /** Short, for people: `routes-1a2b`, or the group_instance_id. */
  name: string;
  host: string;
  protocol: "classic" | "consumer";
  /** The name of its assignor if it is not that of this program. */
  otherAssignor: string | null;
  /** What it subscribed to; empty during a rebalance. */
  topics: string[];
  /** The partitions of the topic that it owns. */
  partitions: number[];
  /** Where it stores the records; null: it does not say, because it is another program or in a rebalance. */
  destination: string | null;
}

const UUID_CHARS = 36;
const ATTEMPTS_MAX = 10;
const RETRY_MS = 200;
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: normal in a new cluster or after a failover. */
const MOVING = [14, 15, 16];
const GROUP_ID_NOT_FOUND = 69;

/** The members of a group, with their partitions of `topic`. The cluster must know the topic. */
export async function fetchMembers(
  cluster: Cluster,
  groupId: string,
  topic: string,
): Promise<Member[]> {
  await cluster.refreshMetadataIfNecessary();
  return await untilSettled(async () => {
    const coordinator = await cluster.findGroupCoordinator({ groupId });
    await coordinator.connect();
    return await describe(coordinator, groupId, topic);
  });
}

/** Asks the coordinator of a group, again while it moves. */
export async function untilSettled<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === ATTEMPTS_MAX || !isMoving(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** A group of the new protocol is unknown to the old request, and the other way round, so both are sent at once. */
async function describe(broker: Broker, groupId: string, topic: string): Promise<Member[]> {
  const [group, { groups: [classic] }] = await Promise.all([
    canDescribeConsumerGroups(broker.versions)
      ? broker.connectionPool.send(consumerGroupDescribe(groupId)) as Promise<ConsumerGroup>
      : null,
    broker.describeGroups({ groupIds: [groupId] }),
  ]);
  if (group?.errorCode === 0) {
    return group.members.map((member) => consumerMember(member, group.assignor, topic));
  }
  if (group && group.errorCode !== GROUP_ID_NOT_FOUND) throw new GroupFailure(group.errorCode);
  if (!classic) throw new BadAnswer("it describes no group");
  return classic.members.map((member) => classicMember(member, classic.protocol, topic));
}

function consumerMember(
  { id, clientId, host, topics, assigned, isClassic }: ConsumerGroup["members"][number],
  assignor: string,
  topic: string,
): Member {
  return {
    name: shortName(id, clientId),
    host: host.replace(/^\//, ""),
    protocol: isClassic ? "classic" : "consumer",
    otherAssignor: isClassic ? null : assignor,
    topics,
    partitions: assigned.get(topic) ?? [],
    destination: null,
  };
}

function classicMember(
  { memberId, clientId, clientHost, memberMetadata, memberAssignment }:
    DescribedGroup["members"][number],
  assignor: string,
  topic: string,
): Member {
  const metadata = memberMetadata.length > 0
    ? MemberMetadata.decode(Buffer.from(memberMetadata))
    : null;
  const assigned = MemberAssignment.decode(Buffer.from(memberAssignment))?.assignment ?? {};
  return {
    name: shortName(memberId, clientId),
    host: clientHost.replace(/^\//, ""),
    protocol: "classic",
    // Empty during a rebalance.
    otherAssignor: assignor === "" || assignor === ASSIGNOR ? null : assignor,
    topics: metadata?.topics ?? [],
    partitions: assigned[topic] ?? [],
    destination: readDestination(metadata?.userData),
  };
}

/**
 * `routes-1a2b`: member ids are a client id and a UUID, or only a UUID. Those of static members are the group_instance_id
 * and a UUID: the group_instance_id is their name.
 */
function shortName(memberId: string, clientId: string): string {
  const instanceId = memberId.slice(0, -UUID_CHARS - 1);
  if (instanceId !== "" && instanceId !== clientId) return instanceId;
  const unique = memberId.startsWith(`${clientId}-`)
    ? memberId.slice(clientId.length + 1)
    : memberId;
  return `${clientId}-${unique.slice(0, 4)}`;
}

/** The name of the assignor of every version of this program: in one group it must not change. */
const ASSIGNOR = "RoundRobinAssigner";
const PREFIX = "routes ";

/** The assigner of kafkajs; tells the other members where this process stores the records. */
export function announcing(destination: string): PartitionAssigner {
  return (config) => {
    const assigner = PartitionAssigners.roundRobin(config);
    const userData = Buffer.from(PREFIX + destination);
    return {
      ...assigner,
      protocol: ({ topics }) => ({
        name: assigner.name,
        metadata: MemberMetadata.encode({ version: assigner.version, topics, userData }),
      }),
    };
  };
}

function readDestination(userData: Uint8Array | null | undefined): string | null {
  const text = new TextDecoder().decode(userData ?? new Uint8Array());
  return text.startsWith(PREFIX) ? text.slice(PREFIX.length) : null;
}

function isMoving(error: unknown): boolean {
  return causes(error).some(({ code }) => MOVING.includes(code as number));
}

class GroupFailure extends Error {
  override name = "KafkaJSProtocolError";
  constructor(readonly code: number) {
    super(`the broker does not describe the group: error ${code}`);
  }
}
