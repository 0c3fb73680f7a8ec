import { pick } from "../random.ts";
import { type Arena, sleep } from "./arena.ts";
import type { Row } from "./matrix.ts";
import { heapOf, Meter } from "./meter.ts";
import { withScene } from "./rows_processes.ts";
import type { Scene } from "./scene.ts";

const PROCESSES_MAX = 5;
const PER_SECOND = 1_300;
const MEMORY_MAX_MB = 500;
/** From the second third of the run to the last: a leak goes on, while a heap that finds its size does not. */
const GROWTH_MAX_MB = 50;
const DESCRIPTORS_MAX = 5;
/** EX_UNAVAILABLE and EX_TEMPFAIL */
const FOR_NOW = [69, 75];

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
    const victim = pick(draw, scene.mortal);
    victim?.kill("SIGKILL");
    await victim?.ended;
  },
  start: async (scene) => {
    if (scene.running.length < PROCESSES_MAX) await scene.start();
  },
  stop: async (scene, { draw }) => {
    await pick(draw, scene.mortal)?.stop(30_000);
  },
  freeze: async (scene, { draw }) => {
    const victim = pick(draw, scene.running);
    victim?.kill("SIGSTOP");
    await sleep(1_000 + draw(8_000));
    victim?.kill("SIGCONT");
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

/** How the run went: the faults it saw, and what its processes held. */
interface Course {
  harms: Record<string, number>;
  gaveUp: number;
  /** Of the process that lives from beginning to end. */
  meter: Meter;
  peakMb: number;
}

function soak(arena: Arena, ms: number): Promise<string> {
  return withScene(arena, async (scene) => {
    const began = performance.now();
    const course = await suffer(scene, arena, ms);
    arena.toPostgres.cut = null;
    await scene.feed.stop();
    supervise(scene, course);
    if (scene.running.length === 0) await scene.start();
    const healedMs = await scene.caughtUp();
    const minutes = (performance.now() - began) / 60_000;
    const settled = await scene.settled();
    const what = await scene.check();
    const trend = demandFlat(course);
    const harms = Object.entries(course.harms).map(([name, count]) => `${name} ${count}`).join(
      ", ",
    );
    return `${settled} records = ${what}, in ${minutes.toFixed(1)} min; ${harms}; ` +
      `${course.gaveUp} ended for the time being; healed in ${healedMs | 0} ms; ${trend}`;
  }, {
    perSecond: PER_SECOND,
    set: { "postgresql.statement_timeout": "5s" },
    env: heapOf(128),
  });
}

/** One fault after the other until the time is over; one process is spared the worst, so that its memory tells something. */
async function suffer(scene: Scene, arena: Arena, ms: number): Promise<Course> {
  const course: Course = { harms: {}, gaveUp: 0, meter: new Meter(), peakMb: 0 };
  const [veteran] = scene.running;
  scene.spared = veteran ?? null;
  for (const endAt = performance.now() + ms; performance.now() < endAt;) {
    const name = pick(arena.draw, Object.keys(HARMS));
    await HARMS[name]!(scene, arena);
    course.harms[name] = (course.harms[name] ?? 0) + 1;
    supervise(scene, course);
    if (scene.running.length === 0) await scene.start();
    await sleep(arena.draw(2_000));
    course.meter.measure(veteran!.pid);
    for (const { pid } of scene.running) {
      course.peakMb = Math.max(course.peakMb, new Meter().measure(pid).peakMb);
    }
  }
  return course;
}

/** Whoever began while a service was away, or gave up for the time being, may be started again; nobody may end otherwise. */
function supervise(scene: Scene, course: Course): void {
  for (const process of scene.processes.filter(({ failed }) => failed)) {
    if (!FOR_NOW.includes(process.status!.code)) continue;
    process.mayEnd = true;
    course.gaveUp++;
  }
  scene.demandLife();
}

/** Throws when memory or descriptors of the process that was there all the time went on growing. */
function demandFlat({ meter, peakMb }: Course): string {
  const memory = meter.trend(({ memoryMb }) => memoryMb);
  const descriptors = meter.trend((reading) => reading.descriptors);
  const said = `memory ${memory.before} to ${memory.after} MB, at most ${peakMb} MB, ` +
    `descriptors ${descriptors.before} to ${descriptors.after}`;
  if (memory.before === 0) throw new Error("I11 nothing could be measured");
  const grew = memory.after > memory.before + GROWTH_MAX_MB || peakMb > MEMORY_MAX_MB ||
    descriptors.after > descriptors.before + DESCRIPTORS_MAX;
  if (grew) throw new Error(`I11 a process grew: ${said}`);
  return said;
}
