import { partitionOf } from "../../src/commands/produce/partitioner.ts";
import { startLibrdkafka, startLibrdkafkaProducer } from "../support/librdkafka.ts";
import { groupsOf } from "./brokers.ts";
import { sleep, until } from "./cluster.ts";
import type { Process } from "./process.ts";
import type { Scenario } from "./scenario.ts";

/** The longest pause of each partition in seconds. */
type Pauses = Map<number, number>;

/** The pauses of `routes` and of librdkafka during the same fault. */
export interface Both {
  own: Pauses;
  peer: Pauses;
}

const PER_SECOND = 400;
const WATCH_MS = 50;

/**
 * Runs `routes consume` and `routes produce` beside librdkafka's consumer and producer during the fault: all on the same
 * topic, the two groups with the same coordinator.
 */
export async function besidePeers(
  scenario: Scenario,
  coordinator: number,
  fault: () => Promise<void>,
): Promise<{ consume: Both; produce: Both }> {
  const { name, cluster: { kafka, draw } } = scenario;
  const [own, other] = await groupsOf(scenario, coordinator);
  scenario.group = own;
  // As users have it: a member that loses its id waits until the session of the old one has expired.
  scenario.settings["kafka.session_timeout"] = "45s";
  const args = ["--count", "0", "--rate", `${PER_SECOND}`, "--tee", "--seed", `${draw(1e6)}`];
  const producer = await scenario.start(args, { verb: "produce" });
  const acked = ackedBy(producer, scenario);
  await until("routes produce sends", () => acked().size === scenario.partitions, 60_000);
  const peerProducer = await startLibrdkafkaProducer(name, PER_SECOND, kafka.bootstrap);
  for (let i = 0; i < 3; i++) await scenario.start();
  const peer = await startLibrdkafka(name, other, [], kafka.bootstrap);
  await scenario.waitForMembers(3);
  await scenario.progress(1_000);
  const over = fault();
  const [settled, sent] = await Promise.all([
    longestPauses(() => scenario.positions(), over),
    longestPauses(() => Promise.resolve(acked()), over),
    over,
  ]);
  await peer.stop();
  await peerProducer.stop();
  await stopProduce(producer, scenario);
  await scenario.catchUp();
  return {
    consume: { own: settled, peer: pausesOf(peer.tail()) },
    produce: { own: sent, peer: pausesOf(peerProducer.tail()) },
  };
}

/** Ends `routes produce`, which must end well, and keeps what was acknowledged for the check. */
export async function stopProduce(producer: Process, { feed }: Scenario): Promise<void> {
  producer.kill("SIGINT");
  const { code } = await producer.end(60_000);
  if (code !== 0) throw new Error(`routes produce ended with ${code}:\n${producer.err}`);
  feed.acked.push(...linesOf(producer.out));
}

/** Returns how many records of each partition `produce --tee` has printed as acknowledged. */
function ackedBy(producer: Process, scenario: Scenario): () => Map<number, number> {
  const counts = new Map<number, number>();
  let seen = 0;
  return () => {
    const lines = linesOf(producer.out.slice(seen));
    for (const line of lines) {
      seen += line.length + 1;
      const partition = partitionOf(`${JSON.parse(line).userID}`, scenario.partitions);
      counts.set(partition, (counts.get(partition) ?? 0) + 1);
    }
    return counts;
  };
}

function linesOf(text: string): string[] {
  return text.split("\n").slice(0, -1);
}

/** The longest time in which the count of a partition stands still, until `over` is settled. */
async function longestPauses(
  look: () => Promise<Map<number, number>>,
  over: Promise<void>,
): Promise<Pauses> {
  const pauses: Pauses = new Map();
  const last = new Map<number, { count: number; atMs: number }>();
  let isOver = false;
  over.finally(() => isOver = true).catch(() => {});
  while (!isOver) {
    const counts = await look();
    const nowMs = performance.now();
    for (const [partition, count] of counts) {
      const { count: before, atMs } = last.get(partition) ?? { count: -1, atMs: nowMs };
      const seconds = (nowMs - atMs) / 1_000;
      pauses.set(partition, Math.max(pauses.get(partition) ?? 0, seconds));
      if (count !== before) last.set(partition, { count, atMs: nowMs });
    }
    await sleep(WATCH_MS);
  }
  return pauses;
}

/** What the programs with librdkafka print at their end. */
function pausesOf(text: string): Pauses {
  const [, list] = /^pauses (.*)$/m.exec(text) ?? [];
  if (!list) throw new Error(`librdkafka printed no pauses:\n${text}`);
  return new Map(list.split(" ").map((entry) => entry.split("=").map(Number) as [number, number]));
}

/** The longest pause of these partitions; of all by default. */
export function longestOf(pauses: Pauses, partitions = [...pauses.keys()]): number {
  return Math.max(...partitions.map((partition) => pauses.get(partition) ?? Infinity));
}
