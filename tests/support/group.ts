import type { Kafka } from "kafkajs";
import { type Broker, createCluster } from "../../src/kafka/cluster.ts";

/** A consumer group as its coordinator has it. */
export interface GroupView {
  /** `Stable`, `PreparingRebalance` and so on. */
  state(): Promise<string>;
  memberIds(): Promise<string[]>;
  /** Counts the assignments of the stable group: as long as it stays the same, no member has had to pause. */
  generation(): Promise<number>;
  /** Ends the sessions of all members. */
  clear(): Promise<void>;
}

/** Asks the coordinator of a group, which exists. */
export async function withGroup(
  kafka: Kafka,
  groupId: string,
  work: (group: GroupView) => Promise<void>,
): Promise<void> {
  const cluster = createCluster(kafka);
  await cluster.connect();
  try {
    await cluster.refreshMetadataIfNecessary();
    const coordinator = await cluster.findGroupCoordinator({ groupId }) as Coordinator;
    await coordinator.connect();
    const describe = async () =>
      (await coordinator.describeGroups({ groupIds: [groupId] })).groups[0]!;
    const memberIds = async () => (await describe()).members.map(({ memberId }) => memberId).sort();
    await work({
      state: async () => (await describe()).state,
      memberIds,
      generation: async () => {
        const [memberId] = await memberIds();
        for (let groupGenerationId = 0;; groupGenerationId++) {
          try {
            await coordinator.heartbeat({ groupId, memberId, groupGenerationId });
            return groupGenerationId;
          } catch (error) {
            if ((error as { type?: string }).type !== "ILLEGAL_GENERATION") throw error;
          }
        }
      },
      clear: async () => {
        for (const memberId of await memberIds()) {
          await coordinator.leaveGroup({ groupId, memberId });
        }
      },
    });
  } finally {
    await cluster.disconnect();
  }
}

type Coordinator = Broker & { leaveGroup(member: object): Promise<unknown> };
