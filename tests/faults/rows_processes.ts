import { pick } from "../fakes/random.ts";
import { type Cluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { Scenario, SESSION_MS } from "./scenario.ts";

/** Faults of the processes themselves. */
export const processRows: Row[] = [
  { id: 1, fault: "kill -9, again and again", run: killAgainAndAgain },
  { id: 2, fault: "SIGTERM to one after the other", run: rollingStop },
  { id: 3, fault: "SIGSTOP past the session time-out, then SIGCONT", run: zombie },
  { id: 4, fault: "one process, then five, then two, and partitions added", run: scale },
];

/** Runs `work` in a scene of its own with so many processes that have begun to settle. */
export async function withScene(
  cluster: Cluster,
  work: (scenario: Scenario) => Promise<string>,
  {
    processes = 3,
    partitions = 6,
    args = ["--follow"],
    perSecond = 2_000,
    role = "",
    set = {} as Record<string, string>,
    env = {} as Record<string, string>,
  } = {},
): Promise<string> {
  const scenario = await Scenario.open(cluster, { partitions });
  try {
    Object.assign(scenario.settings, set);
    Object.assign(scenario.env, env);
    if (role) {
      await scenario.sql.unsafe(`grant all on schema ${scenario.name} to ${role};
        grant all on all tables in schema ${scenario.name} to ${role};
        grant all on all sequences in schema ${scenario.name} to ${role}`);
      scenario.settings["postgresql.user"] = role;
    }
    await scenario.send(2_000);
    for (let i = 0; i < processes; i++) await scenario.start(args);
    if (perSecond > 0) scenario.feed.stream(perSecond, { partitions: () => scenario.partitions });
    if (processes > 0) {
      await scenario.together(processes);
      if (perSecond > 0) await scenario.progress(500);
    }
    return await work(scenario);
  } finally {
    await scenario.close();
  }
}

function killAgainAndAgain(cluster: Cluster): Promise<string> {
  const kills = 4;
  return withScene(cluster, async (scenario) => {
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
    const healedMs = await scenario.caughtUp();
    const what = await scenario.check();
    return `${what}; ${kills} kills, ${during} settled meanwhile, healed in ${healedMs | 0} ms`;
  }, { args: ["--follow", "--batch-size", "50"] });
}

function zombie(cluster: Cluster): Promise<string> {
  return withScene(cluster, async (scenario) => {
    const before = await scenario.settled();
    let rounds = 0;
    // Whoever was stopped between two statements has nothing left to lose; tried until one was caught within.
    for (; await scenario.lostRaces() === 0; rounds++) {
      if (rounds === 6) {
        await scenario.check();
        throw new Error("no compare-and-set was lost: nothing was tested");
      }
      // Somebody far behind is in the middle of a batch whenever he is stopped.
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
    const healedMs = await scenario.caughtUp();
    const lost = await scenario.lostRaces();
    const what = await scenario.check();
    return `${what}; ${rounds} zombies lost ${lost} races, ${during} settled meanwhile, healed in ${
      healedMs | 0
    } ms`;
  }, { args: ["--follow", "--batch-size", "10"], perSecond: 500 });
}

/** A busy process that is told to end, ends soon, and its partitions are taken over without waiting for the session. */
function rollingStop(cluster: Cluster): Promise<string> {
  return withScene(cluster, async (scenario) => {
    const took: number[] = [];
    const tookOver: number[] = [];
    for (const busy of [true, true, true, false]) {
      if (!busy) {
        await scenario.feed.stop();
        await scenario.caughtUp();
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
      await scenario.together(3);
      tookOver.push(performance.now() - began);
    }
    if (Math.min(...tookOver) > SESSION_MS) throw new Error(`nobody left the group: ${tookOver}`);
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
    return `${what}; ended after ${show(took)} ms, shared again after ${show(tookOver)} ms`;
  }, { args: ["--follow", "--json"] });
}

/** Whoever is told to end in the middle of a batch says to Kafka no more than is in the table. */
async function stopMidBatch(scenario: Scenario): Promise<void> {
  const slow = ["--follow", "--json", "--batch-size", "10"];
  await scenario.stopAll();
  for (let i = 0; i < 2; i++) await scenario.start(slow);
  await scenario.together(2);
  await scenario.send(10_000);
  await scenario.progress(200);
  for (let i = 0; i < 20; i++) await scenario.snapshot();
  await scenario.stopAll();
  if (await scenario.lag() === 0) throw new Error("no process was in the middle of a batch");
  await scenario.snapshot();
  await scenario.start(["--follow", "--json"]);
  await scenario.caughtUp();
  await scenario.stopAll();
}

function scale(cluster: Cluster): Promise<string> {
  return withScene(cluster, async (scenario) => {
    for (let i = 0; i < 4; i++) {
      await scenario.start();
      await scenario.progress(100);
    }
    await scenario.together(5);
    await scenario.addPartitions(5);
    await scenario.progress(2_000);
    for (let i = 0; i < 3; i++) await pick(cluster.draw, scenario.running).stop();
    await scenario.feed.stop();
    const healedMs = await scenario.caughtUp();
    const what = await scenario.check();
    const [row] = await scenario.sql`
      select count(*)::int as sources, bool_and(start_offset = 0) as from_zero
      from ${scenario.table("routes_sources")}`;
    if (row!.sources !== 5 || !row!.from_zero) throw new Error(`sources: ${JSON.stringify(row)}`);
    return `${what}; partitions 3 to 5, healed in ${healedMs | 0} ms`;
  }, { processes: 1, partitions: 3 });
}
