import { pick } from "../fakes/random.ts";
import { type Cluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { heapOf, Meter } from "./meter.ts";
import { withScene } from "./rows_processes.ts";
import type { Scenario } from "./scenario.ts";

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
    run: (cluster) => soak(cluster, minutes * 60_000),
  };
}

type Harm = (scenario: Scenario, cluster: Cluster) => Promise<void>;

const HARMS: Record<string, Harm> = {
  kill: async (scenario, { draw }) => {
    const victim = pick(draw, scenario.mortal);
    victim?.kill("SIGKILL");
    await victim?.ended;
  },
  start: async (scenario) => {
    if (scenario.running.length < PROCESSES_MAX) await scenario.start();
  },
  stop: async (scenario, { draw }) => {
    await pick(draw, scenario.mortal)?.stop(30_000);
  },
  freeze: async (scenario, { draw }) => {
    const victim = pick(draw, scenario.running);
    victim?.kill("SIGSTOP");
    await sleep(1_000 + draw(8_000));
    victim?.kill("SIGCONT");
  },
  "end backends": async (scenario) => void await scenario.endBackends().catch(() => {}),
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

function cut(proxy: Cluster["toPostgres"], outcome: "done" | "lost"): Promise<void> {
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

function soak(cluster: Cluster, ms: number): Promise<string> {
  return withScene(cluster, async (scenario) => {
    const began = performance.now();
    const course = await suffer(scenario, cluster, ms);
    cluster.toPostgres.cut = null;
    await scenario.feed.stop();
    supervise(scenario, course);
    if (scenario.running.length === 0) await scenario.start();
    const healedMs = await scenario.caughtUp();
    const minutes = (performance.now() - began) / 60_000;
    const settled = await scenario.settled();
    const what = await scenario.check();
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
async function suffer(scenario: Scenario, cluster: Cluster, ms: number): Promise<Course> {
  const course: Course = { harms: {}, gaveUp: 0, meter: new Meter(), peakMb: 0 };
  const [veteran] = scenario.running;
  scenario.spared = veteran ?? null;
  for (const endAt = performance.now() + ms; performance.now() < endAt;) {
    const name = pick(cluster.draw, Object.keys(HARMS));
    await HARMS[name]!(scenario, cluster);
    course.harms[name] = (course.harms[name] ?? 0) + 1;
    supervise(scenario, course);
    if (scenario.running.length === 0) await scenario.start();
    await sleep(cluster.draw(2_000));
    course.meter.measure(veteran!.pid);
    for (const { pid } of scenario.running) {
      course.peakMb = Math.max(course.peakMb, new Meter().measure(pid).peakMb);
    }
  }
  return course;
}

/** Whoever began while a service was away, or gave up for the time being, may be started again; nobody may end otherwise. */
function supervise(scenario: Scenario, course: Course): void {
  for (const process of scenario.processes.filter(({ failed }) => failed)) {
    if (!FOR_NOW.includes(process.status!.code)) continue;
    process.mayEnd = true;
    course.gaveUp++;
  }
  scenario.demandLife();
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
