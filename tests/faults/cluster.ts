import { freePort, Sandbox } from "../support/child.ts";
import { importFlags } from "../support/imports.ts";
import { type KafkaCluster, startKafka } from "../support/kafka.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type Draw, drawFrom } from "../fakes/random.ts";
import { openProxy, type Proxy } from "./proxy.ts";

/** Kafka and PostgreSQL, each behind a proxy; only the program connects through the proxies. */
export interface Cluster {
  sandbox: Sandbox;
  kafka: KafkaCluster;
  postgres: PostgresServer;
  toKafka: Proxy;
  toPostgres: Proxy;
  /** The folder of the program, and the flags that resolve its imports. */
  root: string;
  flags: string[];
  seed: number;
  draw: Draw;
  say(line: string): void;
  close(): Promise<void>;
}

/** What to start. */
export interface ClusterOptions {
  seed: number;
  /** The folder of the program; default: this project. */
  root?: string;
  /** With several, the program connects to them without a proxy. */
  brokers?: number;
  postgresSettings?: Record<string, string>;
  say?: (line: string) => void;
}

const ROOT = new URL("../..", import.meta.url).pathname;

/** Starts the services and waits until they accept connections. */
export async function openCluster(options: ClusterOptions): Promise<Cluster> {
  const { seed, root = ROOT, brokers = 1, say = () => {} } = options;
  const sandbox = new Sandbox();
  try {
    const proxied = freePort();
    const toKafka = await openProxy({ target: proxied });
    const [kafka, postgres] = await Promise.all([
      startKafka({
        sandbox,
        brokers,
        say,
        ...(brokers === 1 && { properties: listeners(proxied, toKafka.port) }),
      }),
      startPostgres({ sandbox, say, settings: options.postgresSettings ?? {} }),
    ]);
    const toPostgres = await openProxy({ target: postgres.port, speaks: "PostgreSQL" });
    return {
      sandbox,
      kafka,
      postgres,
      toKafka,
      toPostgres,
      root,
      flags: await importFlags(say),
      seed,
      draw: drawFrom(seed),
      say,
      close: async () => {
        await Promise.all([toKafka.close(), toPostgres.close()]);
        await sandbox.close();
      },
    };
  } catch (error) {
    await sandbox.close();
    throw error;
  }
}

/** A listener whose clients are sent to the proxy: it advertises the address of the proxy. */
function listeners(port: number, proxyPort: number): Record<string, string> {
  return {
    listeners: `PROXIED://127.0.0.1:${port}`,
    advertised: `PROXIED://127.0.0.1:${proxyPort}`,
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,PROXIED:PLAINTEXT",
  };
}

/** A condition did not become true in time. */
export class TimedOut extends Error {}

/** Waits until the condition holds and returns how long that took; throws TimedOut after `limitMs`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  limitMs: number,
): Promise<number> {
  const began = performance.now();
  while (!await holds()) {
    if (performance.now() - began > limitMs) {
      throw new TimedOut(`${what}: not within ${limitMs / 1000} s`);
    }
    await sleep(50);
  }
  return performance.now() - began;
}

/** For faults that last a certain time. */
export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
