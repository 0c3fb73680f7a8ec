// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import ConsumerGroup from "npm:kafkajs@2.2.4/src/consumer/consumerGroup.js";
import type { Cluster } from "../cluster.ts";

interface Group {
  cluster: Pick<Cluster, "refreshMetadata">;
  recoverFromFetch(error: Error & { type?: string }): Promise<void>;
}

const { recoverFromFetch } = ConsumerGroup.prototype as Group;
const MOVED = ["LEADER_NOT_AVAILABLE", "NOT_LEADER_FOR_PARTITION"];
/** An election takes longer than a request. */
const PAUSE_MS = 100;

/**
 * Replaces recoverFromFetch() of kafkajs src/consumer/consumerGroup.js: when a partition has another leader, kafkajs joins its
 * group again, so that all members stop reading although nothing has changed for them. New metadata are enough.
 * Test: tests/kafka/patches/moved_leader_test.ts.
 */
export function followLeaders(): void {
  (ConsumerGroup.prototype as Group).recoverFromFetch = async function (error) {
    if (!MOVED.includes(error.type ?? "")) return await recoverFromFetch.call(this, error);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    await this.cluster.refreshMetadata();
  };
}
