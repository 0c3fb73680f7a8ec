import { freePort } from "../support/child.ts";
import { type Cluster, until } from "./cluster.ts";
import type { Row } from "./matrix.ts";
import { Scenario } from "./scenario.ts";
import { withScenario } from "./with_scenario.ts";

/** What a process says about itself while a server is away. */
export const outageRows: Row[] = [
  { id: 36, fault: "Kafka down for more than a minute: ready, lag and reason", run: kafkaDown },
  { id: 37, fault: "the database read-only from the start: ready and reason", run: readOnly },
];

/** The time after which a server that has not answered makes a process not ready, with a margin. */
const NOT_READY_MS = 90_000;

interface Readiness {
  status: number;
  ready: boolean;
  reason: string;
  lag: number | null;
}

/** Starts a consumer with its HTTP port; returns what that port answers. */
async function startMonitored(scenario: Scenario) {
  const address = `127.0.0.1:${freePort()}`;
  const process = await scenario.start(["--follow", "--http", address]);
  const ready = async (): Promise<Readiness> => {
    const response = await fetch(`http://${address}/ready`);
    return { status: response.status, ...await response.json() };
  };
  const metrics = async () => await (await fetch(`http://${address}/metrics`)).text();
  await until("the HTTP port", () => ready().then(() => true, () => false), 30_000);
  return { process, ready, metrics };
}

function kafkaDown(cluster: Cluster): Promise<string> {
  return withScenario(cluster, async (scenario) => {
    const { process, ready, metrics } = await startMonitored(scenario);
    await scenario.wait("ready", async () => (await ready()).status === 200, 60_000);
    const [broker] = cluster.kafka.brokers;
    await broker!.stop("SIGKILL");
    await until("lag is unknown", async () => (await ready()).lag === null, 30_000);
    const page = await metrics();
    if (/^routes_lag_records/m.test(page)) throw new Error(`a lag without Kafka:\n${page}`);
    const downMs = await until(
      "not ready",
      async () => (await ready()).status === 503,
      NOT_READY_MS,
    );
    const { reason } = await ready();
    if (!/^Kafka has not answered for 1:\d\d$/.test(reason)) throw new Error(`reason: ${reason}`);
    if (!/^routes_up\{service="kafka"\} 0$/m.test(await metrics())) throw new Error("kafka is up");
    await broker!.start();
    await scenario.send(500);
    await scenario.catchUp();
    const told = /^reading again after: Kafka at [^]*^Kafka is back after 1:\d\d$/m;
    await until("the log tells it", () => told.test(process.err), 5_000);
    const upMs = await until("ready again", async () => (await ready()).status === 200, 30_000);
    const what = await scenario.check();
    return `${what}; not ready ${downMs / 1000 | 0} s after the lag was unknown ("${reason}"), ` +
      `ready ${upMs | 0} ms after catching up`;
  }, { processes: 0, perSecond: 0 });
}

async function readOnly(cluster: Cluster): Promise<string> {
  const admin = await Scenario.open(cluster);
  try {
    await admin.sql.unsafe(`create role ${admin.name} login;
      alter role ${admin.name} set default_transaction_read_only = on`);
    return await withScenario(cluster, async (scenario) => {
      const { process, ready } = await startMonitored(scenario);
      const reasons = new Set<string>();
      const endAt = performance.now() + NOT_READY_MS;
      while (performance.now() < endAt) {
        const { status, reason } = await ready();
        if (status === 200) throw new Error(`ready: ${reason}`);
        reasons.add(reason.replace(/ \([\d:]+\)$/, ""));
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      const last = [...reasons].at(-1)!;
      if (!/read-only/.test(last)) throw new Error(`reasons: ${[...reasons].join("; ")}`);
      if (!/waiting for PostgreSQL.*25006/.test(process.err)) throw new Error(process.err);
      await scenario.sql.unsafe(`alter role ${admin.name} reset default_transaction_read_only`);
      await scenario.endBackends();
      await scenario.catchUp();
      await until("ready", async () => (await ready()).status === 200, 30_000);
      return `${await scenario.check()}; never ready in ${NOT_READY_MS / 1000} s ("${last}")`;
    }, { processes: 0, perSecond: 0, role: admin.name });
  } finally {
    await admin.sql.unsafe(`drop owned by ${admin.name}; drop role ${admin.name}`);
    await admin.close();
  }
}
