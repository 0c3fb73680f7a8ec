import { awaitLeaders } from "../../src/kafka/topic.ts";
import { type Cluster, openCluster, until } from "./cluster.ts";
import type { Scenario } from "./scenario.ts";

/** Runs `work` with three brokers. */
export async function withBrokers(
  { draw, root, say }: Cluster,
  work: (cluster: Cluster) => Promise<string>,
): Promise<string> {
  const cluster = await openCluster({ seed: draw(2 ** 31), root, brokers: 3, say });
  try {
    return await work(cluster);
  } finally {
    await cluster.close();
  }
}

/** By partition of the topic, the broker that leads it, by its index. */
export async function findLeaders(
  { admin, name, cluster }: Scenario,
  topic = name,
): Promise<Map<number, number>> {
  const describe = () => admin.describeCluster();
  await until("three brokers", async () => (await describe()).brokers.length === 3, 30_000);
  const ports = new Map((await describe()).brokers.map(({ nodeId, port }) => [nodeId, port]));
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return new Map(topics[0]!.partitions.map(({ partitionId, leader }) => {
    const port = ports.get(leader);
    return [partitionId, cluster.kafka.brokers.findIndex((broker) => broker.port === port)];
  }));
}

/** Creates the topic again, empty: by partition, the ids of its brokers, the leader first. */
export async function replicate(
  { admin, name, feed }: Scenario,
  brokers: number[][],
  configs: Record<string, string> = {},
): Promise<void> {
  await admin.deleteTopics({ topics: [name] });
  await until("the topic is gone", async () => !(await admin.listTopics()).includes(name), 30_000);
  feed.acked.length = 0;
  await admin.createTopics({
    // As in createTopic(): it fails while the topic is unknown.
    waitForLeaders: false,
    topics: [{
      topic: name,
      replicaAssignment: brokers.map((replicas, partition) => ({ partition, replicas })),
      configEntries: Object.entries(configs).map(([name, value]) => ({ name, value })),
    }],
  });
  await awaitLeaders(admin, name);
}

/** Two groups that this broker coordinates. */
export async function groupsOf(scenario: Scenario, broker: number): Promise<[string, string]> {
  const { admin, name } = scenario;
  // The first question about a group creates the topic of the offsets.
  await admin.fetchOffsets({ groupId: `${name}-0`, topics: [name] });
  const leaders = await findLeaders(scenario, "__consumer_offsets");
  const groups = Array.from({ length: 100 }, (_, i) => `${name}-${i}`)
    .filter((group) => leaders.get(javaHash(group) % leaders.size) === broker);
  return groups as [string, string];
}

/** As Kafka chooses the partition of a group: String.hashCode() of Java, without its sign. */
function javaHash(text: string): number {
  return [...text].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) | 0, 0) & 0x7fffffff;
}
