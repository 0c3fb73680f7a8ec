import { type Arena, sleep, until } from "./arena.ts";
import type { Row } from "./matrix.ts";
import type { Process } from "./process.ts";
import { withScene } from "./rows_processes.ts";
import { readLog } from "./topic.ts";

/** Faults of Kafka and of what it keeps. */
export const kafkaRows: Row[] = [
  { id: 5, fault: "the broker restarted, killed, frozen for 60 s", run: restart },
  { id: 12, fault: "the group's offsets deleted and reset, the group renamed", run: group },
  { id: 13, fault: "records deleted before they were read", run: deleted },
  {
    id: 14,
    fault: "the topic deleted and made anew: empty, shorter, longer, with fewer partitions",
    run: recreated,
  },
];

function restart(arena: Arena): Promise<string> {
  const [broker] = arena.kafka.brokers;
  return withScene(arena, async (scene) => {
    const before = await scene.settled();
    await broker!.stop("SIGTERM");
    await broker!.start();
    await scene.progress(500);
    await broker!.stop("SIGKILL");
    await sleep(2_000);
    await broker!.start();
    await scene.progress(500);
    broker!.kill("SIGSTOP");
    await sleep(60_000);
    broker!.kill("SIGCONT");
    await scene.progress(500);
    const during = await scene.settled() - before;
    await scene.feed.stop();
    const healedMs = await scene.caughtUp();
    const what = await scene.check();
    return `${what}; ${during} settled meanwhile, healed in ${healedMs | 0} ms`;
  });
}

function group(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    await scene.stopAll();
    const groupId = scene.group;
    scene.mayLead = true;
    await scene.admin.setOffsets({
      groupId,
      topic: scene.name,
      partitions: (await scene.admin.fetchTopicOffsets(scene.name)).map(({ partition, high }) => {
        // Behind what is settled, and before it.
        return { partition, offset: partition % 2 === 0 ? "0" : high };
      }),
    });
    for (let i = 0; i < 2; i++) await scene.start();
    await scene.progress(500);
    await scene.stopAll();
    await scene.admin.deleteGroups([groupId]);
    scene.mayLead = false;
    for (let i = 0; i < 2; i++) await scene.start();
    await scene.progress(500);
    await scene.stopAll();
    scene.group = `${groupId}_renamed`;
    for (let i = 0; i < 2; i++) await scene.start();
    await scene.progress(500);
    await scene.feed.stop();
    await scene.caughtUp();
    return await scene.check();
  });
}

/** Waits until each has ended by itself because the log and the table contradict each other. */
async function demandRefusal(processes: Process[], words: RegExp): Promise<void> {
  for (const process of processes) {
    const { code } = await process.end(60_000);
    if (code !== 65 || !words.test(process.err)) {
      throw new Error(`expected 65 and ${words}, found ${code}:\n${process.err}`);
    }
  }
}

function deleted(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    await scene.caughtUp();
    await scene.stopAll();
    const stood = await scene.positions();
    await scene.send(6_000);
    const [range] = (await scene.admin.fetchTopicOffsets(scene.name))
      .filter(({ partition }) => partition === 0);
    const low = Math.floor((stood.get(0)! + Number(range!.high)) / 2);
    await scene.admin.deleteTopicRecords({
      topic: scene.name,
      partitions: [{ partition: 0, offset: String(low) }],
    });
    const process = await scene.start([]);
    await demandRefusal([process], new RegExp(`${stood.get(0)}`));
    const after = await scene.positions();
    if (after.get(0) !== stood.get(0)) throw new Error("the position moved past what is lost");
    const accepting = await scene.start(["--accept-loss"]);
    const { code } = await accepting.end(60_000);
    if (code !== 0) throw new Error(`--accept-loss ended with ${code}:\n${accepting.err}`);
    const losses = await scene.sql`
      select from_offset::int, to_offset::int from ${scene.table("routes_losses")}`;
    const written = losses.map(({ from_offset, to_offset }) => `${from_offset} to ${to_offset}`);
    if (written.join() !== `${stood.get(0)} to ${low}`) {
      throw new Error(
        `lost from ${stood.get(0)} to ${low}, written down: ${written.join() || "no"}`,
      );
    }
    scene.allowed = { deleted: true };
    const what = await scene.check();
    return `${what}; stopped, offsets ${written} named, accepted and written down`;
  }, { processes: 1, partitions: 2, perSecond: 0 });
}

/** How a topic comes back: records in it, and partitions. */
const COMEBACKS: [how: string, records: number, partitions: number][] = [
  ["empty", 0, 2],
  ["shorter", 500, 2],
  ["longer", 9_000, 2],
  ["with fewer partitions", 9_000, 1],
];

/** The tables stay as the old topic left them, whatever the new one holds; a replay then makes them the new one's. */
function recreated(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    await scene.caughtUp();
    await scene.stopAll();
    const old = { log: await readLog(scene), acked: scene.feed.acked.splice(0) };
    const make = async (records: number, partitions: number) => {
      await scene.admin.deleteTopics({ topics: [scene.name] });
      await until("the topic is gone", async () => {
        return !(await scene.admin.listTopics()).includes(scene.name);
      }, 30_000);
      await scene.createTopic(partitions);
      scene.feed.acked.length = 0;
      await scene.feed.send(records, { partitions });
    };
    for (const [, records, partitions] of COMEBACKS) {
      await make(records, partitions);
      await demandRefusal([await scene.start([])], /partition/);
      // Kafka forgot with the topic what it was told of it.
      await scene.demandGood({ ...old, committed: new Map() });
    }
    await make(7_000, 2);
    const replay = await scene.start(["--replay", "earliest", "--yes"]);
    const { code } = await replay.end(60_000);
    if (code !== 0) throw new Error(`--replay ended with ${code}:\n${replay.err}`);
    scene.allowed = { fall: true };
    const what = await scene.check();
    const hows = COMEBACKS.map(([how]) => how).join(", ");
    return `${hows}: refused, tables as before; replayed: ${what}`;
  }, { processes: 1, partitions: 2, perSecond: 0 });
}
