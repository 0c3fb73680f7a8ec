import { type Arena, sleep, until } from "./arena.ts";
import type { Row } from "./matrix.ts";
import type { Process } from "./process.ts";
import { withScene } from "./rows_processes.ts";
import type { Scene } from "./scene.ts";

/** Faults of Kafka and of what it keeps. */
export const kafkaRows: Row[] = [
  { id: 5, fault: "the broker restarted, killed, stopped for a while", run: restart },
  { id: 12, fault: "the group's offsets deleted and reset, the group renamed", run: group },
  { id: 13, fault: "records deleted before they were read", run: deleted },
  { id: 14, fault: "the topic deleted and made anew, shorter and longer", run: recreated },
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
    await sleep(20_000);
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
    const stopAll = () => Promise.all(scene.running.map((process) => process.stop()));
    await stopAll();
    const groupId = scene.group;
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
    await stopAll();
    await scene.admin.deleteGroups([groupId]);
    for (let i = 0; i < 2; i++) await scene.start();
    await scene.progress(500);
    await stopAll();
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
    await Promise.all(scene.running.map((process) => process.stop()));
    const stood = await positions(scene);
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
    const after = await positions(scene);
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
    const what = await scene.check({ deleted: true });
    return `${what}; stopped, offsets ${written} named, accepted and written down`;
  }, { processes: 1, partitions: 2, perSecond: 0 });
}

function recreated(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    await scene.caughtUp();
    await Promise.all(scene.running.map((process) => process.stop()));
    const [stored, stood] = [await scene.settled(), await positions(scene)];
    const outcomes: string[] = [];
    for (const [how, records] of [["shorter", 500], ["longer", 9_000]] as const) {
      await scene.admin.deleteTopics({ topics: [scene.name] });
      await until("the topic is gone", async () => {
        return !(await scene.admin.listTopics()).includes(scene.name);
      }, 30_000);
      await scene.createTopic(2);
      await scene.send(records);
      const process = await scene.start([]);
      await demandRefusal([process], /partition/);
      outcomes.push(how);
      const now = await positions(scene);
      if (await scene.settled() !== stored || [...now].join() !== [...stood].join()) {
        throw new Error(`something was settled from a topic made anew and ${how}`);
      }
    }
    return `${outcomes.join(" and ")}: stopped, nothing settled`;
  }, { processes: 1, partitions: 2, perSecond: 0 });
}

async function positions(scene: Scene): Promise<Map<number, number>> {
  const rows = await scene.sql`
    select partition, next_offset from ${scene.table("routes_sources")} order by partition`;
  return new Map(rows.map(({ partition, next_offset }) => [partition, Number(next_offset)]));
}
