import type { Socket } from "node:net";
// A module of kafkajs that its index does not export. Written out because an import map given by --import-map does not
// reach into packages; the version is that of deno.json.
// deno-lint-ignore no-import-prefix
import BrokerPool from "npm:kafkajs@2.2.4/src/cluster/brokerPool.js";
import { isHungUp } from "../causes.ts";
import { unreached } from "../errors.ts";

interface Seed {
  connectionPool: { host: string; port: number; pool: { socket: Socket | null }[] };
  connect(): Promise<void>;
  versions: unknown;
}

interface BrokerPoolMethods {
  seedBroker: Seed | undefined;
  versions: unknown;
  hasConnectedBrokers(): boolean;
  /** Calls it again, with growing pauses, until it succeeds or calls `bail`. */
  retrier(work: (bail: (error: unknown) => void) => Promise<void>): Promise<void>;
  connect(): Promise<void>;
  /** Takes the next of the given servers. */
  createSeedBroker(): Promise<void>;
}

/**
 * Replaces BrokerPool.connect() of kafkajs src/cluster/brokerPool.js, which pauses before it tries the next server, does
 * not try it after one that hangs up, as a broker that stops does, and waits for one that takes the connection and stays
 * silent as long as for any answer: here for `shareMs`. Test: tests/kafka/patches/next_server_test.ts.
 */
export function tryEveryServer(servers: number, shareMs: number): void {
  (BrokerPool.prototype as BrokerPoolMethods).connect = async function () {
    if (this.hasConnectedBrokers()) return;
    if (!this.seedBroker) await this.createSeedBroker();
    await this.retrier(async (bail) => {
      for (let tries = 1;; tries++) {
        try {
          return await connectInTime(this, shareMs);
        } catch (error) {
          await this.createSeedBroker();
          if (tries < servers && isOfServer(error)) continue;
          if ((error as { retriable?: boolean }).retriable) throw error;
          return bail(error);
        }
      }
    });
  };
}

async function connectInTime(pool: BrokerPoolMethods, ms: number): Promise<void> {
  const seed = pool.seedBroker!;
  const { host, port, pool: connections } = seed.connectionPool;
  const late = Object.assign(new Error("no answer in time"), { code: "ETIMEDOUT" });
  const timer = setTimeout(() => connections.forEach(({ socket }) => socket?.destroy(late)), ms);
  try {
    await seed.connect();
    pool.versions = seed.versions;
    unreached.clear();
  } catch (error) {
    unreached.set(`${host}:${port}`, error as Error);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Whether another server may do better. */
function isOfServer(error: unknown): boolean {
  const { name, type } = error as { name?: string; type?: string };
  return name === "KafkaJSConnectionError" || type === "ILLEGAL_SASL_STATE" || isHungUp(error);
}
