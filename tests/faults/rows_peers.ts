import { besidePeers, type Both, longestOf, stopProduce } from "./beside_peers.ts";
import { replicate, withBrokers } from "./brokers.ts";
import { sleep, until } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import type { Scenario } from "./scenario.ts";
import { withScenario } from "./with_scenario.ts";

const PARTITIONS = 12;

/** Faults of brokers: how long does each program stand still, `routes` and librdkafka? */
export const peerRows: Row[] = [
  besides(42, "kill -9 of a partition leader, beside librdkafka", killLeader),
  besides(43, "two of three brokers down for 61 s, beside librdkafka", stopTwo),
  besides(44, "all brokers restarted one after the other, beside librdkafka", restartAll),
  besides(45, "partitions added while routes produce sends", addPartitions, 3),
];

function besides(
  id: number,
  fault: string,
  work: (scenario: Scenario) => Promise<string>,
  partitions = PARTITIONS,
): Row {
  const how = { processes: 0, perSecond: 0, partitions };
  return {
    id,
    fault,
    run: (shared) => withBrokers(shared, (cluster) => withScenario(cluster, work, how)),
  };
}

/** After it, both programs must have recovered. */
const RECOVERY_MS = 30_000;
const OUTAGE_MS = 61_000;

/**
 * The partitions that the dead broker leads wait for another leader, those that it follows until it no longer counts as
 * a replica. `produce` must go on with the others.
 */
async function killLeader(scenario: Scenario): Promise<string> {
  const { kafka, draw } = scenario.cluster;
  const replicas = Array.from({ length: PARTITIONS }, (_, p) => [p % 3 + 1, (p + 1) % 3 + 1]);
  await replicate(scenario, replicas);
  const victim = draw(3);
  const isHit = (p: number) => replicas[p]!.includes(victim + 1);
  const { consume, produce } = await besidePeers(scenario, (victim + 1) % 3, async () => {
    await kafka.brokers[victim]!.stop("SIGKILL");
    await sleep(RECOVERY_MS);
  });
  const others = [...replicas.keys()].filter((p) => !isHit(p));
  const [own, peer] = [longestOf(produce.own, others), longestOf(produce.peer, others)];
  const text = `${compare("consume", consume)}; ${compare("produce", produce)}; ` +
    `its other partitions ${own.toFixed(1)} s, librdkafka ${peer.toFixed(1)} s`;
  assertBound(consume, text, 5);
  assertBound(produce, text, 5);
  // Lanes are added after a second, and again; an election takes nine.
  if (own > longestOf(produce.own) / 2) throw new Error(text);
  return `${await scenario.check()}; ${text}`;
}

async function stopTwo(scenario: Scenario): Promise<string> {
  const { kafka, draw } = scenario.cluster;
  const kept = draw(3);
  const down = kafka.brokers.filter((_, index) => index !== kept);
  let outageMs = 0;
  const { consume, produce } = await besidePeers(scenario, draw(3), async () => {
    const began = performance.now();
    await Promise.all(down.map((broker) => broker.stop("SIGKILL")));
    await sleep(OUTAGE_MS);
    await Promise.all(down.map((broker) => broker.start()));
    outageMs = performance.now() - began;
    await sleep(2 * RECOVERY_MS);
  });
  const text = `${compare("consume", consume)}; ${compare("produce", produce)}; ` +
    `the brokers were back after ${(outageMs / 1000).toFixed(1)} s`;
  const late = longestOf(consume.own) - longestOf(consume.peer);
  if (late > 10) throw new Error(text);
  return `${await scenario.check()}; ${text}`;
}

async function restartAll(scenario: Scenario): Promise<string> {
  const { kafka, draw } = scenario.cluster;
  const { consume, produce } = await besidePeers(scenario, draw(3), async () => {
    for (const broker of kafka.brokers) {
      await broker.stop();
      await broker.start();
      // The replicas must catch up before the next broker stops.
      await sleep(5_000);
    }
    await sleep(RECOVERY_MS);
  });
  const text = `${compare("consume", consume)}; ${compare("produce", produce)}`;
  assertBound(consume, text, 5);
  assertBound(produce, text, 5);
  return `${await scenario.check()}; ${text}`;
}

const USED_WITHIN_MS = 45_000;

/** `produce` looks for new partitions every 30 s. */
async function addPartitions(scenario: Scenario): Promise<string> {
  const { admin, name } = scenario;
  const args = [
    "--count",
    "0",
    "--rate",
    "500",
    "--tee",
    "--seed",
    `${scenario.cluster.draw(1e6)}`,
  ];
  const producer = await scenario.start(args, { verb: "produce" });
  for (let i = 0; i < 2; i++) await scenario.start();
  // Its rate and the 2000 records of before: it sends.
  await scenario.progress(3_000);
  await scenario.addPartitions(6);
  const usedMs = await until("records in each new partition", async () => {
    scenario.assertHealthy();
    const offsets = await admin.fetchTopicOffsets(name);
    return offsets.filter(({ high }) => Number(high) > 0).length === 6;
  }, USED_WITHIN_MS);
  await stopProduce(producer, scenario);
  await scenario.catchUp();
  return `${await scenario.check()}; new partitions used after ${(usedMs / 1000).toFixed(1)} s`;
}

function compare(what: string, { own, peer }: Both): string {
  const [ownText, peerText] = [longestOf(own).toFixed(1), longestOf(peer).toFixed(1)];
  return `${what}'s longest pause ${ownText} s, librdkafka ${peerText} s`;
}

/** Some seconds more or less are chance: both look for the new leaders after random waits. */
function assertBound({ own, peer }: Both, text: string, seconds: number): void {
  if (!(longestOf(own) <= 1.5 * longestOf(peer) + seconds)) throw new Error(text);
}
