// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
import type { Broker, Cluster } from "../cluster.ts";

interface Group {
  groupId: string;
  coordinator: Broker;
  offsetManager: { coordinator: Broker };
  cluster: Pick<Cluster, "findGroupCoordinator">;
  heartbeat(options: { interval: number }): Promise<void>;
}

const { heartbeat } = ConsumerGroup.prototype as Group;
const NOT_COORDINATOR = 16;

/**
 * Replaces heartbeat() of kafkajs src/consumer/consumerGroup.js: a broker that stops hands its groups to another one, which knows
 * their members. kafkajs takes the answer for a rebalance and joins again, so that all members of the group stop reading.
 * Test: tests/kafka/patches/moved_coordinator_test.ts.
 */
export function followCoordinator(): void {
  (ConsumerGroup.prototype as Group).heartbeat = async function (options) {
    const { groupId, coordinator } = this;
    try {
      await heartbeat.call(this, options);
    } catch (error) {
      if ((error as { code?: number }).code !== NOT_COORDINATOR) throw error;
      // While no broker has taken over, the member joins again as before.
      const next = await this.cluster.findGroupCoordinator({ groupId }).catch(() => null);
      if (next === null || next === coordinator) throw error;
      this.coordinator = this.offsetManager.coordinator = next;
    }
  };
}
