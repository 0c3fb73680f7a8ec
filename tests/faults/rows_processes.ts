import { pick } from "../fakes/random.ts";
import { type Cluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { type Scenario, SESSION_MS } from "./scenario.ts";
import { withScenario } from "./with_scenario.ts";

/** Faults of the processes themselves. */
export const processRows: Row[] = [
  { id: 1, fault: "kill -9, repeatedly", run: killRepeatedly },
  { id: 2, fault: "SIGTERM to one after the other", run: rollingStop },
  { id: 3, fault: "SIGSTOP for longer than the session timeout, then SIGCONT", run: zombie },
  { id: 4, fault: "one process, then five, then two, and partitions added", run: scale },
];

function killRepeatedly(cluster: Cluster): Promise<string> {
  const kills = 4;
  return withScenario(cluster, async (scenario) => {
    const before = await scenario.settled();
    for (let i = 0; i < kills; i++) {
      await scenario.progress(100 + cluster.draw(1_000));
      const victim = pick(cluster.draw, scenario.running);
      victim.kill("SIGKILL");
      await victim.ended;
      await scenario.start(["--follow", "--batch-size", "50"]);
    }
    await scenario.progress(1_000);
    const during = await scenario.settled() - before;
    await scenario.feed.stop();
    const recoveredMs = await scenario.catchUp();
    const what = await scenario.check();
    return `${what}; ${kills} kills, ${during} settled meanwhile, recovered in ${
      recoveredMs | 0
    } ms`;
  }, { args: ["--follow", "--batch-size", "50"] });
}

function zombie(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const before = await scenario.settled();
    let rounds = 0;
    // A process that was stopped between two statements loses no race: repeat until one was stopped within a statement.
    for (; await scenario.lostRaces() === 0; rounds++) {
      if (rounds === 6) {
        await scenario.check();
        throw new Error("no compare-and-set was lost: nothing was tested");
      }
      // With many records to read, a process is always in the middle of a batch.
      await scenario.send(10_000);
      const victim = pick(cluster.draw, scenario.running);
      await scenario.progress(200);
      victim.kill("SIGSTOP");
      await sleep(SESSION_MS + 1_000);
      await scenario.progress(500);
      victim.kill("SIGCONT");
      await scenario.progress(500);
      await sleep(500);
    }
    const during = await scenario.settled() - before;
    await scenario.feed.stop();
    const recoveredMs = await scenario.catchUp();
    const lost = await scenario.lostRaces();
    const what = await scenario.check();
    return `${what}; ${rounds} zombies lost ${lost} races, ${during} settled meanwhile, recovered in ${
      recoveredMs | 0
    } ms`;
  }, { args: ["--follow", "--batch-size", "10"], perSecond: 500 });
}

/** After SIGTERM a busy process ends soon, and others get its partitions before the session timeout. */
function rollingStop(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const took: number[] = [];
    const tookOver: number[] = [];
    for (const busy of [true, true, true, false]) {
      if (!busy) {
        await scenario.feed.stop();
        await scenario.catchUp();
      }
      const victim = pick(cluster.draw, scenario.running);
      const ms = await victim.stop();
      const limitMs = busy ? 10_000 : 2_000;
      if (victim.status!.code !== 0 || ms > limitMs) {
        throw new Error(`ended with ${victim.status!.code} after ${ms | 0} ms:\n${victim.err}`);
      }
      took.push(ms);
      const began = performance.now();
      await scenario.start(["--follow", "--json"]);
      await scenario.waitForMembers(3);
      tookOver.push(performance.now() - began);
    }
    if (Math.min(...tookOver) > SESSION_MS) {
      throw new Error(`no process left the group in time: ${tookOver}`);
    }
    await stopMidBatch(scenario);
    const summary = { read: 0, stored: 0, rejected: 0, tombstones: 0 };
    for (const process of scenario.processes) {
      const counts = process.summary();
      for (const key of Object.keys(summary) as (keyof typeof summary)[]) {
        summary[key] += counts[key]!;
      }
    }
    const what = await scenario.check({ summary });
    const show = (list: number[]) => list.map((ms) => ms | 0).join(", ");
    return `${what}; ended after ${show(took)} ms, partitions assigned again after ${
      show(tookOver)
    } ms`;
  }, { args: ["--follow", "--json"] });
}

/** A process that is stopped in the middle of a batch commits no offset above its position. */
async function stopMidBatch(scenario: Scenario): Promise<void> {
  const slow = ["--follow", "--json", "--batch-size", "10"];
  await scenario.stopAll();
  for (let i = 0; i < 2; i++) await scenario.start(slow);
  await scenario.waitForMembers(2);
  await scenario.send(10_000);
  await scenario.progress(200);
  for (let i = 0; i < 20; i++) await scenario.snapshot();
  await scenario.stopAll();
  if (await scenario.lag() === 0) throw new Error("no process was in the middle of a batch");
  await scenario.snapshot();
  await scenario.start(["--follow", "--json"]);
  await scenario.catchUp();
  await scenario.stopAll();
}

function scale(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    for (let i = 0; i < 4; i++) {
      await scenario.start();
      await scenario.progress(100);
    }
    await scenario.waitForMembers(5);
    await scenario.addPartitions(5);
    // One client asks for the partitions every 25 s, and the group then takes a moment.
    const noticedMs = await scenario.wait(
      "the new partitions",
      async () => (await scenario.positions()).size === 5,
      35_000,
    );
    await scenario.progress(2_000);
    for (let i = 0; i < 3; i++) await pick(cluster.draw, scenario.running).stop();
    await scenario.feed.stop();
    const recoveredMs = await scenario.catchUp();
    const what = await scenario.check();
    const [row] = await scenario.sql`
      select count(*)::int as sources, bool_and(start_offset = 0) as from_zero
      from ${scenario.table("routes_sources")}`;
    if (row!.sources !== 5 || !row!.from_zero) throw new Error(`sources: ${JSON.stringify(row)}`);
    return `${what}; partitions 3 to 5 noticed in ${noticedMs / 1000 | 0} s, recovered in ${
      recoveredMs | 0
    } ms`;
  }, { processes: 1, partitions: 3 });
}
