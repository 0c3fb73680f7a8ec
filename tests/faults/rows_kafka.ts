import { type Cluster, sleep, until } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import type { Process } from "./process.ts";
import { withScenario } from "./with_scenario.ts";
import { readLog } from "./topic.ts";

/** Faults of Kafka and of its data. */
export const kafkaRows: Row[] = [
  { id: 5, fault: "the broker restarted, killed, frozen for 60 s", run: restart },
  { id: 12, fault: "the group's offsets deleted and reset, the group renamed", run: group },
  { id: 13, fault: "records deleted before they were read", run: deleted },
  {
    id: 14,
    fault: "the topic recreated: empty, shorter, longer, with fewer partitions",
    run: recreated,
  },
];

function restart(cluster: Cluster): Promise<string> {
  const [broker] = cluster.kafka.brokers;
  return withScenario(cluster, async (scenario) => {
    const before = await scenario.settled();
    await broker!.stop("SIGTERM");
    await broker!.start();
    await scenario.progress(500);
    await broker!.stop("SIGKILL");
    await sleep(2_000);
    await broker!.start();
    await scenario.progress(500);
    broker!.kill("SIGSTOP");
    await sleep(60_000);
    broker!.kill("SIGCONT");
    await scenario.progress(500);
    const during = await scenario.settled() - before;
    await scenario.feed.stop();
    const recoveredMs = await scenario.catchUp();
    const what = await scenario.check();
    return `${what}; ${during} settled meanwhile, recovered in ${recoveredMs | 0} ms`;
  });
}

function group(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    await scenario.stopAll();
    const groupId = scenario.group;
    scenario.offsetsMayLead = true;
    await scenario.admin.setOffsets({
      groupId,
      topic: scenario.name,
      partitions: (await scenario.admin.fetchTopicOffsets(scenario.name)).map(
        ({ partition, high }) => {
          // Alternately below and above what is settled.
          return { partition, offset: partition % 2 === 0 ? "0" : high };
        },
      ),
    });
    for (let i = 0; i < 2; i++) await scenario.start();
    await scenario.progress(500);
    await scenario.stopAll();
    await scenario.admin.deleteGroups([groupId]);
    scenario.offsetsMayLead = false;
    for (let i = 0; i < 2; i++) await scenario.start();
    await scenario.progress(500);
    await scenario.stopAll();
    scenario.group = `${groupId}_renamed`;
    for (let i = 0; i < 2; i++) await scenario.start();
    await scenario.progress(500);
    await scenario.feed.stop();
    await scenario.catchUp();
    return await scenario.check();
  });
}

/** Waits until each process has stopped because topic and database contradict each other. */
async function assertRefused(processes: Process[], message: RegExp): Promise<void> {
  for (const process of processes) {
    const { code } = await process.end(60_000);
    if (code !== 65 || !message.test(process.err)) {
      throw new Error(`expected 65 and ${message}, found ${code}:\n${process.err}`);
    }
  }
}

function deleted(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    await scenario.catchUp();
    await scenario.stopAll();
    const position = await scenario.positions();
    await scenario.send(6_000);
    const [range] = (await scenario.admin.fetchTopicOffsets(scenario.name))
      .filter(({ partition }) => partition === 0);
    const low = Math.floor((position.get(0)! + Number(range!.high)) / 2);
    await scenario.admin.deleteTopicRecords({
      topic: scenario.name,
      partitions: [{ partition: 0, offset: String(low) }],
    });
    const process = await scenario.start([]);
    await assertRefused([process], new RegExp(`${position.get(0)}`));
    const after = await scenario.positions();
    if (after.get(0) !== position.get(0)) throw new Error("the position moved past the lost range");
    const accepting = await scenario.start(["--accept-loss"]);
    const { code } = await accepting.end(60_000);
    if (code !== 0) throw new Error(`--accept-loss ended with ${code}:\n${accepting.err}`);
    const losses = await scenario.sql`
      select from_offset::int, to_offset::int from ${scenario.table("routes_losses")}`;
    const recorded = losses.map(({ from_offset, to_offset }) => `${from_offset} to ${to_offset}`);
    if (recorded.join() !== `${position.get(0)} to ${low}`) {
      throw new Error(
        `lost from ${position.get(0)} to ${low}, recorded: ${recorded.join() || "nothing"}`,
      );
    }
    scenario.allowed = { deleted: true };
    const what = await scenario.check();
    return `${what}; stopped, offsets ${recorded} named, accepted and recorded`;
  }, { processes: 1, partitions: 2, perSecond: 0 });
}

/** Recreated topics: number of records and of partitions. */
const RECREATED: [what: string, records: number, partitions: number][] = [
  ["empty", 0, 2],
  ["shorter", 500, 2],
  ["longer", 9_000, 2],
  ["with fewer partitions", 9_000, 1],
];

/** The tables do not change when the topic is recreated; a replay then replaces their contents. */
function recreated(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    await scenario.catchUp();
    await scenario.stopAll();
    const old = { log: await readLog(scenario), acked: scenario.feed.acked.splice(0) };
    const recreate = async (records: number, partitions: number) => {
      await scenario.admin.deleteTopics({ topics: [scenario.name] });
      await until("the topic is gone", async () => {
        return !(await scenario.admin.listTopics()).includes(scenario.name);
      }, 30_000);
      await scenario.createTopic(partitions);
      scenario.feed.acked.length = 0;
      await scenario.feed.send(records, { partitions });
    };
    for (const [, records, partitions] of RECREATED) {
      await recreate(records, partitions);
      await assertRefused([await scenario.start([])], /deleted and recreated/);
      // Kafka deleted the committed offsets together with the topic.
      await scenario.assertConsistent({ ...old, committed: new Map() });
    }
    await recreate(7_000, 2);
    const replay = await scenario.start(["--replay", "earliest", "--yes"]);
    const { code } = await replay.end(60_000);
    if (code !== 0) throw new Error(`--replay ended with ${code}:\n${replay.err}`);
    scenario.allowed = { fall: true };
    const what = await scenario.check();
    const names = RECREATED.map(([what]) => what).join(", ");
    return `${names}: refused, tables unchanged; replayed: ${what}`;
  }, { processes: 1, partitions: 2, perSecond: 0 });
}
