import { pick } from "../fakes/random.ts";
import { openAlteringProxy } from "../support/altering_proxy.ts";
import { type Cluster, sleep } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { heapOf, Meter } from "./meter.ts";
import { withScenario } from "./with_scenario.ts";
import type { Scenario } from "./scenario.ts";

const PROCESSES_MAX = 5;
const PER_SECOND = 1_300;
const MEMORY_MAX_MB = 500;
/** From the second third of the run to the last. In a run of one minute the heap, of at most 128 MB, still grows. */
const GROWTH_MAX_MB = 100;
/** A record that is too large, in a small batch. */
const POISON_BYTES = 50_000_000;
/** A record with this text arrives with a wrong bit, so that its batch cannot be read. */
const DAMAGED = "damage this";
const DESCRIPTORS_MAX = 5;
/** EX_UNAVAILABLE and EX_TEMPFAIL */
const TEMPORARY = [69, 75];

/** Random faults, which may overlap, for a number of minutes. */
export function soakRow(minutes: number): Row {
  return {
    id: 23,
    fault: `soak: random faults for ${minutes} min`,
    run: (cluster) => soak(cluster, minutes * 60_000),
  };
}

type Fault = (scenario: Scenario, cluster: Cluster) => Promise<void>;

const FAULTS: Record<string, Fault> = {
  kill: async (scenario, { draw }) => {
    const victim = pick(draw, scenario.killable);
    victim?.kill("SIGKILL");
    await victim?.ended;
  },
  start: async (scenario) => {
    if (scenario.running.length < PROCESSES_MAX) await scenario.start();
  },
  stop: async (scenario, { draw }) => {
    await pick(draw, scenario.killable)?.stop(30_000);
  },
  freeze: async (scenario, { draw }) => {
    const victim = pick(draw, scenario.running);
    victim?.kill("SIGSTOP");
    await sleep(1_000 + draw(8_000));
    victim?.kill("SIGCONT");
  },
  poison: async ({ feed, partitions }) => {
    const pad = "x".repeat(POISON_BYTES);
    const make = (k: number) => `{"userID":"${k}","pad":"${pad}"}`;
    await feed.send(1, { partitions, batch: 1, make, gzip: true });
  },
  damage: async ({ feed, partitions }) => {
    const make = (k: number) =>
      `{"userID":${k % 97},"timestamp":${k}.5,"coordinates":[1.5,2.5],"note":"${DAMAGED}"}`;
    await feed.send(1, { partitions, batch: 1, make });
  },
  "terminate backends": async (scenario) => void await scenario.endBackends().catch(() => {}),
  "cut before answer": (_, { toPostgres }) => cut(toPostgres, "before answer"),
  "cut before statement": (_, { toPostgres }) => cut(toPostgres, "before statement"),
  "reset PostgreSQL": (_, { toPostgres }) => Promise.resolve(toPostgres.reset()),
  "reset Kafka": (_, { toKafka }) => Promise.resolve(toKafka.reset()),
  "drop connections": (_, { toPostgres }) => Promise.resolve(toPostgres.dropOpen()),
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

function cut(
  proxy: Cluster["toPostgres"],
  moment: "before answer" | "before statement",
): Promise<void> {
  proxy.cut = { moment, at: (text) => text.includes("routes_sources") };
  return Promise.resolve();
}

/** What happened in the run: faults, and the memory of the processes. */
interface Course {
  faults: Record<string, number>;
  /** How many processes ended with a temporary error. */
  gaveUp: number;
  /** Of the process that runs from beginning to end. */
  meter: Meter;
  peakMb: number;
}

/** Damages some batches between Kafka and the program. */
async function soak(cluster: Cluster, ms: number): Promise<string> {
  const { toKafka } = cluster;
  const broker = toKafka.target;
  const damaging = await openAlteringProxy(broker, (response) => {
    for (let at; (at = response.indexOf(DAMAGED)) >= 0;) response[at]! ^= 1;
  });
  toKafka.target = damaging.port;
  try {
    return await soakThrough(cluster, ms);
  } finally {
    toKafka.target = broker;
    await damaging.close();
  }
}

function soakThrough(cluster: Cluster, ms: number): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const decoder = new TextDecoder();
    scenario.allowed = { damaged: (value) => decoder.decode(value).includes(DAMAGED) };
    const began = performance.now();
    const course = await injectFaults(scenario, cluster, ms);
    cluster.toPostgres.cut = null;
    await scenario.feed.stop();
    supervise(scenario, course);
    if (scenario.running.length === 0) await scenario.start();
    const recoveredMs = await scenario.catchUp();
    const minutes = (performance.now() - began) / 60_000;
    const settled = await scenario.settled();
    const what = await scenario.check();
    const trend = assertNoGrowth(course);
    const faults = Object.entries(course.faults).map(([name, count]) => `${name} ${count}`).join(
      ", ",
    );
    return `${settled} records = ${what}, in ${minutes.toFixed(1)} min; ${faults}; ` +
      `${course.gaveUp} ended with a temporary error; recovered in ${recoveredMs | 0} ms; ${trend}`;
  }, {
    perSecond: PER_SECOND,
    set: { "postgresql.statement_timeout": "5s" },
    env: heapOf(128),
  });
}

/** Injects faults until the time is over; one process is never killed, so that a leak in it becomes visible. */
async function injectFaults(scenario: Scenario, cluster: Cluster, ms: number): Promise<Course> {
  const course: Course = { faults: {}, gaveUp: 0, meter: new Meter(), peakMb: 0 };
  const [spared] = scenario.running;
  scenario.spared = spared ?? null;
  for (const endAt = performance.now() + ms; performance.now() < endAt;) {
    const name = pick(cluster.draw, Object.keys(FAULTS));
    await FAULTS[name]!(scenario, cluster);
    course.faults[name] = (course.faults[name] ?? 0) + 1;
    supervise(scenario, course);
    if (scenario.running.length === 0) await scenario.start();
    await sleep(cluster.draw(2_000));
    course.meter.measure(spared!.pid);
    for (const { pid } of scenario.running) {
      course.peakMb = Math.max(course.peakMb, new Meter().measure(pid).peakMb);
    }
  }
  return course;
}

/** A process may end with a temporary error; it is replaced. Throws if one ended in any other way. */
function supervise(scenario: Scenario, course: Course): void {
  for (const process of scenario.processes.filter(({ failed }) => failed)) {
    if (!TEMPORARY.includes(process.status!.code)) continue;
    process.mayEnd = true;
    course.gaveUp++;
  }
  scenario.assertHealthy();
}

/** Throws if memory or descriptors of the oldest process kept growing. */
function assertNoGrowth({ meter, peakMb }: Course): string {
  const memory = meter.trend(({ memoryMb }) => memoryMb);
  const descriptors = meter.trend((reading) => reading.descriptors);
  const text = `memory ${memory.before} to ${memory.after} MB, at most ${peakMb} MB, ` +
    `descriptors ${descriptors.before} to ${descriptors.after}`;
  if (memory.before === 0) throw new Error("I11 nothing could be measured");
  const grew = memory.after > memory.before + GROWTH_MAX_MB || peakMb > MEMORY_MAX_MB ||
    descriptors.after > descriptors.before + DESCRIPTORS_MAX;
  if (grew) throw new Error(`I11 a process grew: ${text}`);
  return text;
}
