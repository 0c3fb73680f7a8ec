import { pick } from "../random.ts";
import { type Arena, sleep } from "./arena.ts";
import type { Row } from "./matrix.ts";
import { Scene, SESSION_MS } from "./scene.ts";

/** Faults of the processes themselves. */
export const processRows: Row[] = [
  { id: 1, fault: "kill -9, again and again", run: killAgainAndAgain },
  { id: 3, fault: "SIGSTOP past the session time-out, then SIGCONT", run: zombie },
];

/** Runs `work` in a scene of its own with so many processes that have begun to settle. */
export async function withScene(
  arena: Arena,
  work: (scene: Scene) => Promise<string>,
  { processes = 3, partitions = 6, args = ["--follow"], perSecond = 2_000 } = {},
): Promise<string> {
  const scene = await Scene.open(arena, { partitions });
  try {
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
      if (rounds === 6) throw new Error("no compare-and-set was lost: nothing was tested");
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
