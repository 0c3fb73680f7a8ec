import { startLibrdkafka } from "../support/librdkafka.ts";
import { findLeaders, groupsOf, replicate, withBrokers } from "./brokers.ts";
import { sleep, until } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import type { Scenario } from "./scenario.ts";
import { withScenario } from "./with_scenario.ts";

/** Faults that need more than one broker. The shared cluster has only one. */
export const clusterRows: Row[] = [
  {
    id: 6,
    fault: "three brokers, restarted one after the other",
    run: (shared) => withBrokers(shared, (cluster) => withScenario(cluster, restartAll)),
  },
  {
    id: 35,
    fault: "kill -9 of the group coordinator, beside librdkafka",
    run: (shared) =>
      withBrokers(shared, (cluster) =>
        // Two partitions have two leaders, so that one broker can lead only the group.
        withScenario(cluster, killCoordinator, { processes: 0, partitions: 2, perSecond: 0 })),
  },
  {
    id: 39,
    fault: "an unclean election, overtaken while a process does not look",
    run: (shared) =>
      withBrokers(
        shared,
        (cluster) =>
          withScenario(cluster, electUncleanly, { processes: 0, partitions: 1, perSecond: 0 }),
      ),
  },
];

async function restartAll(scenario: Scenario): Promise<string> {
  const { kafka, draw } = scenario.cluster;
  const before = await scenario.settled();
  for (const broker of kafka.brokers) {
    await broker.stop(draw(2) === 0 ? "SIGTERM" : "SIGKILL");
    await scenario.progress(300);
    await broker.start();
    // The replicas must catch up before the next broker stops.
    await sleep(3_000);
    await scenario.progress(300);
  }
  const during = await scenario.settled() - before;
  await scenario.feed.stop();
  const recoveredMs = await scenario.catchUp();
  return `${await scenario.check()}; ${during} settled meanwhile, recovered in ${
    recoveredMs | 0
  } ms`;
}

const PAUSE_WATCH_MS = 75_000;

/** The broker that leads two groups, but no partition, dies: how long does each of their consumers get no record? */
async function killCoordinator(scenario: Scenario): Promise<string> {
  const { kafka } = scenario.cluster;
  const leaders = new Set((await findLeaders(scenario)).values());
  const broker = [0, 1, 2].find((index) => !leaders.has(index))!;
  const [own, other] = await groupsOf(scenario, broker);
  scenario.group = own;
  // As users have it: a member that loses its id waits until the session of the old one has expired.
  scenario.settings["kafka.session_timeout"] = "45s";
  for (let i = 0; i < 3; i++) await scenario.start();
  await scenario.waitForMembers(3);
  const peer = await startLibrdkafka(scenario.name, other, [], kafka.bootstrap);
  scenario.feed.stream(500, { partitions: 2 });
  await scenario.progress(500);
  await kafka.brokers[broker]!.stop("SIGKILL");
  const ownMs = await longestPause(scenario);
  await peer.stop();
  const peerSeconds = Number(/longest pause ([\d.]+) s/.exec(peer.tail())?.[1]);
  await scenario.feed.stop();
  await scenario.catchUp();
  const seconds = (ownMs / 1000).toFixed(1);
  const pauses = `longest pause ${seconds} s, librdkafka ${peerSeconds} s`;
  // Some seconds more or less are chance: both look for the coordinator again after random waits.
  if (!(ownMs / 1000 <= 1.5 * peerSeconds + 5)) throw new Error(pauses);
  return `${await scenario.check()}; ${pauses}`;
}

/** The longest time in which no record is settled. */
async function longestPause(scenario: Scenario): Promise<number> {
  const endAt = performance.now() + PAUSE_WATCH_MS;
  let [longest, settled, changedAt] = [0, 0, performance.now()];
  while (performance.now() < endAt) {
    const now = await scenario.settled();
    longest = Math.max(longest, performance.now() - changedAt);
    if (now !== settled) changedAt = performance.now();
    settled = now;
    await sleep(50);
  }
  return longest;
}

/**
 * A replica that lacks the last records becomes the leader, and gets more new records than it lacks. Neither a process
 * that looks on, nor one that was stopped meanwhile, may take the new records for those that it has read.
 */
async function electUncleanly(scenario: Scenario): Promise<string> {
  const { cluster: { kafka }, admin, feed } = scenario;
  await replicate(scenario, [[1, 2]], { "unclean.leader.election.enable": "true" });
  await scenario.send(1_000);
  const codes: string[] = [];
  for (const [leader, other, isStopped] of [[0, 1, false], [1, 0, true]] as const) {
    const process = await scenario.start();
    await scenario.catchUp();
    await kafka.brokers[other]!.stop();
    const kept = feed.acked.length;
    await scenario.send(2_000);
    await scenario.catchUp();
    const position = (await scenario.positions()).get(0);
    if (isStopped) process.kill("SIGSTOP");
    await kafka.brokers[leader]!.stop("SIGKILL");
    await kafka.brokers[other]!.start();
    await until("an election", async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [scenario.name] })
        .catch(() => ({ topics: [] }));
      return topics[0]?.partitions[0]?.leader === other + 1;
    }, 60_000);
    feed.acked.splice(kept);
    await scenario.send(5_000);
    process.kill("SIGCONT");
    for (const refusing of [process, await scenario.start([])]) {
      const { code } = await refusing.end(60_000);
      if (code !== 65 || !/truncated|recreated/.test(refusing.err)) {
        throw new Error(`expected 65, found ${code}:\n${refusing.err}`);
      }
      codes.push(/^routes: .*/m.exec(refusing.err)![0]);
    }
    if ((await scenario.positions()).get(0) !== position) throw new Error("the position moved");
    await kafka.brokers[leader]!.start();
    // The committed offset is that of the old records until the replay is over.
    scenario.offsetsMayLead = true;
    const replay = await scenario.start(["--replay", "earliest", "--yes"]);
    const { code } = await replay.end(60_000);
    if (code !== 0) throw new Error(`--replay ended with ${code}:\n${replay.err}`);
  }
  scenario.allowed = { fall: true };
  return `${await scenario.check()}; ${[...new Set(codes)].join("; ")}`;
}
