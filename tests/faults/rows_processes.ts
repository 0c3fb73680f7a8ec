import { pick } from "../random.ts";
import { type Arena, sleep } from "./arena.ts";
import type { Row } from "./matrix.ts";
import { Scene, SESSION_MS } from "./scene.ts";

/** Faults of the processes themselves. */
export const processRows: Row[] = [
  { id: 1, fault: "kill -9, again and again", run: killAgainAndAgain },
  { id: 2, fault: "SIGTERM to one after the other", run: rollingStop },
  { id: 3, fault: "SIGSTOP past the session time-out, then SIGCONT", run: zombie },
  { id: 4, fault: "one process, then five, then two, and partitions added", run: scale },
];

/** Runs `work` in a scene of its own with so many processes that have begun to settle. */
export async function withScene(
  arena: Arena,
  work: (scene: Scene) => Promise<string>,
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
  const scene = await Scene.open(arena, { partitions });
  try {
    Object.assign(scene.settings, set);
    Object.assign(scene.env, env);
    if (role) {
      await scene.sql.unsafe(`grant all on schema ${scene.name} to ${role};
        grant all on all tables in schema ${scene.name} to ${role};
        grant all on all sequences in schema ${scene.name} to ${role}`);
      scene.settings["postgresql.user"] = role;
    }
    await scene.send(2_000);
    for (let i = 0; i < processes; i++) await scene.start(args);
    if (perSecond > 0) scene.feed.stream(perSecond, { partitions: () => scene.partitions });
    if (processes > 0) {
      await scene.together(processes);
      if (perSecond > 0) await scene.progress(500);
    }
    return await work(scene);
  } finally {
    await scene.close();
  }
}

function killAgainAndAgain(arena: Arena): Promise<string> {
  const kills = 4;
  return withScene(arena, async (scene) => {
    const before = await scene.settled();
    for (let i = 0; i < kills; i++) {
      await scene.progress(100 + arena.draw(1_000));
      const victim = pick(arena.draw, scene.running);
      victim.kill("SIGKILL");
      await victim.ended;
      await scene.start(["--follow", "--batch-size", "50"]);
    }
    await scene.progress(1_000);
    const during = await scene.settled() - before;
    await scene.feed.stop();
    const healedMs = await scene.caughtUp();
    const what = await scene.check();
    return `${what}; ${kills} kills, ${during} settled meanwhile, healed in ${healedMs | 0} ms`;
  }, { args: ["--follow", "--batch-size", "50"] });
}

function zombie(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    const before = await scene.settled();
    let rounds = 0;
    // Whoever was stopped between two statements has nothing left to lose; tried until one was caught within.
    for (; await scene.lostRaces() === 0; rounds++) {
      if (rounds === 6) {
        await scene.check();
        throw new Error("no compare-and-set was lost: nothing was tested");
      }
      // Somebody far behind is in the middle of a batch whenever he is stopped.
      await scene.send(10_000);
      const victim = pick(arena.draw, scene.running);
      await scene.progress(200);
      victim.kill("SIGSTOP");
      await sleep(SESSION_MS + 1_000);
      await scene.progress(500);
      victim.kill("SIGCONT");
      await scene.progress(500);
      await sleep(500);
    }
    const during = await scene.settled() - before;
    await scene.feed.stop();
    const healedMs = await scene.caughtUp();
    const lost = await scene.lostRaces();
    const what = await scene.check();
    return `${what}; ${rounds} zombies lost ${lost} races, ${during} settled meanwhile, healed in ${
      healedMs | 0
    } ms`;
  }, { args: ["--follow", "--batch-size", "10"], perSecond: 500 });
}

/** A busy process that is told to end, ends soon, and its partitions are taken over without waiting for the session. */
function rollingStop(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    const took: number[] = [];
    const tookOver: number[] = [];
    for (const busy of [true, true, true, false]) {
      if (!busy) {
        await scene.feed.stop();
        await scene.caughtUp();
      }
      const victim = pick(arena.draw, scene.running);
      const ms = await victim.stop();
      const limitMs = busy ? 10_000 : 2_000;
      if (victim.status!.code !== 0 || ms > limitMs) {
        throw new Error(`ended with ${victim.status!.code} after ${ms | 0} ms:\n${victim.err}`);
      }
      took.push(ms);
      const began = performance.now();
      await scene.start(["--follow", "--json"]);
      await scene.together(3);
      tookOver.push(performance.now() - began);
    }
    if (Math.min(...tookOver) > SESSION_MS) throw new Error(`nobody left the group: ${tookOver}`);
    await stopMidBatch(scene);
    const summary = { read: 0, stored: 0, rejected: 0, tombstones: 0 };
    for (const process of scene.processes) {
      const counts = process.summary();
      for (const key of Object.keys(summary) as (keyof typeof summary)[]) {
        summary[key] += counts[key]!;
      }
    }
    const what = await scene.check({ summary });
    const show = (list: number[]) => list.map((ms) => ms | 0).join(", ");
    return `${what}; ended after ${show(took)} ms, shared again after ${show(tookOver)} ms`;
  }, { args: ["--follow", "--json"] });
}

/** Whoever is told to end in the middle of a batch says to Kafka no more than is in the table. */
async function stopMidBatch(scene: Scene): Promise<void> {
  const slow = ["--follow", "--json", "--batch-size", "10"];
  await scene.stopAll();
  for (let i = 0; i < 2; i++) await scene.start(slow);
  await scene.together(2);
  await scene.send(10_000);
  await scene.progress(200);
  for (let i = 0; i < 20; i++) await scene.snapshot();
  await scene.stopAll();
  if (await scene.lag() === 0) throw new Error("nobody was in the middle of a batch");
  await scene.snapshot();
  await scene.start(["--follow", "--json"]);
  await scene.caughtUp();
  await scene.stopAll();
}

function scale(arena: Arena): Promise<string> {
  return withScene(arena, async (scene) => {
    for (let i = 0; i < 4; i++) {
      await scene.start();
      await scene.progress(100);
    }
    await scene.together(5);
    await scene.addPartitions(5);
    await scene.progress(2_000);
    for (let i = 0; i < 3; i++) await pick(arena.draw, scene.running).stop();
    await scene.feed.stop();
    const healedMs = await scene.caughtUp();
    const what = await scene.check();
    const [row] = await scene.sql`
      select count(*)::int as sources, bool_and(start_offset = 0) as from_zero
      from ${scene.table("routes_sources")}`;
    if (row!.sources !== 5 || !row!.from_zero) throw new Error(`sources: ${JSON.stringify(row)}`);
    return `${what}; partitions 3 to 5, healed in ${healedMs | 0} ms`;
  }, { processes: 1, partitions: 3 });
}
