import { pick } from "../random.ts";
import { type Arena, sleep } from "./arena.ts";
import type { Row } from "./matrix.ts";
import { withScene } from "./rows_processes.ts";
import type { Scene } from "./scene.ts";

const PROCESSES_MAX = 5;
const MEMORY_MAX_MB = 500;

/** Faults drawn at random for so long, one on top of the other. */
export function soakRow(minutes: number): Row {
  return {
    id: 23,
    fault: `soak: anything at random for ${minutes} min`,
    run: (arena) => soak(arena, minutes * 60_000),
  };
}

type Harm = (scene: Scene, arena: Arena) => Promise<void>;

const HARMS: Record<string, Harm> = {
  kill: async (scene, { draw }) => {
    const victim = pick(draw, scene.running);
    victim.kill("SIGKILL");
    await victim.ended;
    if (scene.running.length === 0) await scene.start();
  },
  start: async (scene) => {
    if (scene.running.length < PROCESSES_MAX) await scene.start();
  },
  stop: async (scene, { draw }) => {
    if (scene.running.length > 1) await pick(draw, scene.running).stop(30_000);
  },
  freeze: async (scene, { draw }) => {
    const victim = pick(draw, scene.running);
    victim.kill("SIGSTOP");
    await sleep(1_000 + draw(8_000));
    victim.kill("SIGCONT");
  },
  "end backends": async (scene) => void await scene.endBackends().catch(() => {}),
  "cut after": (_, { toPostgres }) => cut(toPostgres, "done"),
  "cut before": (_, { toPostgres }) => cut(toPostgres, "lost"),
  "reset PostgreSQL": (_, { toPostgres }) => Promise.resolve(toPostgres.reset()),
  "reset Kafka": (_, { toKafka }) => Promise.resolve(toKafka.reset()),
  "strand PostgreSQL": (_, { toPostgres }) => Promise.resolve(toPostgres.strand()),
  slow: async (_, { toPostgres, toKafka, draw }) => {
    const proxy = pick(draw, [toPostgres, toKafka]);
    proxy.up = proxy.down = { latencyMs: draw(300), sliceBytes: 1 + draw(2_000) };
    await sleep(2_000);
    proxy.up = proxy.down = {};
  },
  "crash PostgreSQL": async (_, { postgres, draw }) => {
    await postgres.stop("SIGQUIT");
    await sleep(draw(3_000));
    await postgres.start();
  },
  "crash Kafka": async (_, { kafka: { brokers: [broker] } }) => {
    await broker!.stop("SIGKILL");
    await broker!.start();
  },
};

function cut(proxy: Arena["toPostgres"], outcome: "done" | "lost"): Promise<void> {
  proxy.cut = { outcome, at: (text) => text.includes("routes_sources") };
  return Promise.resolve();
}

function soak(arena: Arena, ms: number): Promise<string> {
  return withScene(arena, async (scene) => {
    const counts: Record<string, number> = {};
    let memoryMb = 0;
    for (const endAt = performance.now() + ms; performance.now() < endAt;) {
      const name = pick(arena.draw, Object.keys(HARMS));
      await HARMS[name]!(scene, arena);
      counts[name] = (counts[name] ?? 0) + 1;
      // Whoever gave up is started again by a supervisor.
      if (scene.running.length === 0) await scene.start();
      await sleep(arena.draw(2_000));
      memoryMb = Math.max(memoryMb, ...scene.running.map(({ pid }) => residentMb(pid)));
    }
    arena.toPostgres.cut = null;
    await scene.feed.stop();
    if (scene.running.length === 0) await scene.start();
    const healedMs = await scene.caughtUp();
    const what = await scene.check();
    if (memoryMb > MEMORY_MAX_MB) throw new Error(`I11 a process grew to ${memoryMb} MB`);
    const harms = Object.entries(counts).map(([name, count]) => `${name} ${count}`).join(", ");
    return `${what}; ${harms}; healed in ${healedMs | 0} ms, at most ${memoryMb} MB a process`;
  }, { perSecond: 1_000, set: { "postgresql.statement_timeout": "5s" } });
}

/** Memory of a process; 0 when it has ended or the system does not say. */
function residentMb(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
